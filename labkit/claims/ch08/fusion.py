"""The rule of section 8.1: fused models and distributed training.

"Scalability" is read as this: more machines can be put to work on one task, and what comes out pays for them. The two
halves of the claim are judged apart.

Fusion: MEMBERS networks, trained apart on the same data, need no connection between their machines, so they scale if
their common answer is better. It is held against the best of them, chosen on validation: who has trained five may
always keep one. The mean difference in test accuracy, seed by seed, has to be at least GAIN and above its interval
(95 %, Student's t). Half a point is ten of the 2,000 test images, and the answer costs five times as much: for less,
nobody would buy it. Averages of weights, and one network of five times the size, are shown and decide nothing.

Distribution: two processes are to train the same thing as one, and faster. "The same" is a loss that differs by less
than LOSS at every step of every seed: in 32-bit floats sums taken in another order differ by about 1e-7 each, a wrong
average of the gradients by far more. "Faster" is at least SPEED times the examples a second of one process with one
thread, in the mean over the seeds: each process brings a thread of its own, and if less than half of the second
arrived, a thousand would be of no use. This is asked of the larger batch alone. Small batches, and one process with
both threads, are shown and decide nothing.

All this was settled before anything was run.
"""
import statistics

from labkit.applications.outcome import interval
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

GAIN = 0.005        # of accuracy
LOSS = 1e-4         # nats
SPEED = 1.5
LARGE = "large"     # the batch that decides


@rule("C8.2", "Model fusion and distributed training improve scalability")
def fusion(record):
    """Holds if both halves do: an ensemble of five beats its best member by half a point and more than the interval;
    two processes have the losses of one to 1e-4 and at least 1.5 times its speed. In part if one half does, and not
    if none does."""
    ensembles = select(record, part="ensembles")
    pairs = {batch: select(record, part="distributed", batch=batch) for batch in (LARGE, "small")}
    if not ensembles or not all(pairs.values()):
        return UNDECIDED, [_("Fused models, or two processes with large and small batches, were not recorded.")]
    gain, half = interval([run["ensemble"] - run["best"] for run in ensembles])
    fused = gain >= GAIN and gain > half
    lines = [_("Test accuracy: best of {count} members {best}, their mean {mean}, ensemble {ensemble}.").format(
        count=ensembles[0]["members"], best=percent(column(ensembles, "best")),
        mean=percent(column(ensembles, "mean")), ensemble=percent(column(ensembles, "ensemble"))),
        _("The ensemble gains {gain:.2f} ± {half:.2f} points on the best; {gained}.").format(
            gain=100 * gain, half=100 * half, gained=_("enough") if fused else _("not enough")),
        _("For comparison: one network of as many parameters as all members {wide}; their weights averaged {soup}; "
          "one run's last weights {last}, the average along it {along}.").format(
              wide=percent(column(ensembles, "wide")), soup=percent(column(ensembles, "soup")),
              last=percent(column(ensembles, "last")), along=percent(column(ensembles, "along")))]
    apart = max(column(pairs[LARGE], "difference") + column(pairs["small"], "difference"))
    lines.append(_("The losses of two processes and of one differ by at most {apart:.1e} nats.").format(apart=apart))
    factors = {}
    for batch, runs in pairs.items():
        factors[batch] = [run["two"] / run["one"] for run in runs]
        lines.append(_("Batches of {size}: two processes train {factor} times as fast as one thread, one process with "
                       "two threads {threads} times.").format(
                           size=runs[0]["batch_size"], factor=spread(factors[batch]),
                           threads=spread([run["threads"] / run["one"] for run in runs])))
    distributed = apart < LOSS and statistics.mean(factors[LARGE]) >= SPEED
    return HOLDS if fused and distributed else IN_PART if fused or distributed else NOT, lines
