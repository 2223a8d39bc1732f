"""Rules of chapter 2: how large large models are, shape against size, and what makes inference cheap."""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, percent, rule, select, spread
from labkit.language import _

NAMED = ("Transformer", "BERT", "GPT")      # the families that the document names as typical
LARGE = (1e9, 1e12)         # "billions to hundreds of billions", read generously: from one billion
SPREADS = 3                 # the best of four shapes beats the worst by this many spreads in under 1 % of cases by
                            # chance alone (Tukey's range of four means of three seeds)
SAME = 1.1                  # ratios of two speeds under this are noise on a shared machine


@rule("C2.1", "Large models typically have billions to hundreds of billions of parameters; "
              "Transformer, BERT and GPT are typical")
def parameters(record):
    """Holds if in each named family at least half of the configurations have from a billion to a trillion
    parameters; in part if any of them has; else it does not."""
    families = {family: column(select(record, experiment="count", family=family), "counted") for family in NAMED}
    large = {family: [LARGE[0] <= count < LARGE[1] for count in counts] for family, counts in families.items()}
    every = all(2 * sum(inside) >= len(inside) for inside in large.values())
    verdict = HOLDS if every else IN_PART if any(map(any, large.values())) else NOT
    findings = [_("{family}: {low:,.1f} to {high:,.1f} million parameters; {inside} of {count} configurations have a "
                  "billion or more.").format(family=family, low=min(counts) / 1e6, high=max(counts) / 1e6,
                                             inside=sum(large[family]), count=len(counts))
                for family, counts in families.items()]
    runs = select(record, experiment="count")
    off = [f"{run['model']} ({run['counted'] / run['published'] - 1:+.1%})" for run in runs
           if abs(run["counted"] / run["published"] - 1) > 0.01]
    return verdict, [*findings, _("Counted and published differ by more than 1 % in {count} of {total} networks: "
                                  "{names}.").format(count=len(off), total=len(runs), names=", ".join(off))]


@rule("C2.2", "The width and depth of the middle layers decide performance")
def shape(record):
    """At equal parameters, the effect of shape is the best depth's mean accuracy minus the worst's, each depth at the
    rate with the best validation accuracy. It is real where it exceeds three spreads of the seeds. Holds if it is real
    at every size of every task and always above the effect of size (largest minus smallest count, mean over depths);
    does not hold if it is real nowhere; else in part."""
    real, larger, findings = [], [], []
    for task in dict.fromkeys(column(select(record, experiment="shape"), "task")):
        cells = _at_their_best_rates(select(record, experiment="shape", task=task))
        budgets = sorted({budget for budget, _depth in cells})
        means = {cell: statistics.mean(values) for cell, values in cells.items()}
        noise = statistics.mean(statistics.variance(v) if len(v) > 1 else 0 for v in cells.values()) ** 0.5
        effects = []
        for budget in budgets:
            at = {depth: mean for (of, depth), mean in means.items() if of == budget}
            best, worst = max(at, key=at.get), min(at, key=at.get)
            effects.append(at[best] - at[worst])
            findings.append(_("{task}, {budget:,} parameters: test accuracy {high} at depth {best}, {low} at depth "
                              "{worst}.").format(task=task, budget=budget, best=best, worst=worst,
                                                 high=percent(cells[budget, best]), low=percent(cells[budget, worst])))
        size = statistics.mean(means[budgets[-1], depth] - mean for (of, depth), mean in means.items()
                               if of == budgets[0])
        real += [effect > SPREADS * noise for effect in effects]
        larger.append(min(effects) > size)
        findings.append(_("{task}: shape changes accuracy by {effects} points at equal counts, {times:.0f} times as "
                          "many parameters by {size:.1f}; three spreads of the seeds are {noise:.1f}.").format(
                              task=task, effects=", ".join(f"{100 * effect:.1f}" for effect in effects),
                              times=budgets[-1] / budgets[0], size=100 * size, noise=100 * SPREADS * noise))
    verdict = HOLDS if all(real) and all(larger) else IN_PART if any(real) else NOT
    return verdict, findings


def _at_their_best_rates(runs: list[dict]) -> dict[tuple[int, int], list[float]]:
    """Test accuracies of the seeds by (budget, depth), at the rate whose mean validation accuracy is best."""
    found = {}
    for cell in dict.fromkeys((run["budget"], run["depth"]) for run in runs):
        mine = [run for run in runs if (run["budget"], run["depth"]) == cell]
        rates = {run["rate"]: [] for run in mine}
        for run in mine:
            rates[run["rate"]].append(run)
        best = max(rates.values(), key=lambda same: statistics.mean(column(same, "validation_accuracy")))
        found[cell] = column(best, "test_accuracy")
    return found


@rule("C2.3", "Inference is usually quick and efficient because training has already optimised the parameters")
def inference(record):
    """Two parts. Cheaper: in every network and seed, inference needs under 1/1.1 of the time and of the memory of a
    training step. Because trained: trained weights are at least 1.1 times as fast as fresh ones, by each seed's mean
    over the networks; if the seeds disagree on that, nothing is decided. Both hold, one holds in part, none does
    not."""
    runs = select(record, experiment="cost")
    time = [run["train_ms"] / run["trained_ms"] for run in runs]
    memory = [run["train_bytes"] / run["inference_bytes"] for run in runs]
    faster = [statistics.mean(run["fresh_ms"] / run["trained_ms"] for run in runs if run["seed"] == seed)
              for seed in record["seeds"]]
    cheaper = min(time) >= SAME and min(memory) >= SAME
    because = [ratio >= SAME for ratio in faster]
    verdict = (NOT, IN_PART, HOLDS)[cheaper + all(because)] if len(set(because)) == 1 else UNDECIDED
    names = {"small CNN": _("small CNN"), "CNN of chapter 5": _("CNN of chapter 5"), "perceptron": _("perceptron"),
             "character Transformer": _("character Transformer")}
    findings = [_("{model}: a training step takes {train} ms an example, inference {trained} ms.").format(
        model=names.get(model, model),
        train=spread(column(select(record, experiment="cost", model=model), "train_ms"), ".3f"),
        trained=spread(column(select(record, experiment="cost", model=model), "trained_ms"), ".3f"))
        for model in dict.fromkeys(column(runs, "model"))]
    latency = {}
    for run in select(record, experiment="latency"):
        latency.setdefault(run["parameters"], []).append(run["ms"])
    small, large = min(latency), max(latency)
    return verdict, [
        *findings,
        _("A training step takes {time} times the time of inference and {memory} times its memory.").format(
            time=spread(time, ".1f"), memory=spread(memory, ".1f")),
        _("Fresh weights take {ratio} times as long as trained ones.").format(ratio=spread(faster)),
        _("One example takes {fast} ms with {small:,} parameters and {slow} ms with {large:,}.").format(
            fast=spread(latency[small], ".3f"), slow=spread(latency[large], ".3f"), small=small, large=large)]
