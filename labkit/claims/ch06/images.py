"""The rule of section 6.2: what a skip is worth in a deep network."""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, column, percent, rule, select, spread
from labkit.language import _

MARGIN = 0.02       # of training accuracy: about two standard errors of a share of 2,000 images


@rule("C6.2", "Residual connections make deep networks trainable")
def residual(record):
    """Training accuracy after equal steps, of plain and residual networks from the shallowest to the deepest; each
    kind and depth is taken at the rate with the higher mean. Seeds are paired, and one is worse than another if it is
    lower in every seed and by 2 points on average.

    Plain networks degrade if the deepest is worse than the shallowest. Skips help if the deepest plain network is
    worse than the deepest residual one. Residual networks keep up if their deepest is less than 2 points below their
    shallowest on average. Holds if all three are so; in part if skips help and one of the others is not so; else it
    does not hold. Gradients and test accuracy are reported and decide nothing.
    """
    runs = select(record, part="picture_depth")
    best = {}
    for kind in ("plain", "residual"):
        for depth in sorted(set(column(runs, "depth"))):
            rates = {}
            for run in runs:
                if (run["kind"], run["depth"]) == (kind, depth):
                    rates.setdefault(run["learning_rate"], []).append(run)
            best[kind, depth] = max(rates.values(), key=lambda found: statistics.mean(column(found, "train_accuracy")))
    shallow, deep = min(column(runs, "depth")), max(column(runs, "depth"))
    degrades = worse(best["plain", deep], best["plain", shallow])
    helps = worse(best["plain", deep], best["residual", deep])
    keeps_up = statistics.mean(losses(best["residual", deep], best["residual", shallow])) < MARGIN
    verdict = HOLDS if helps and degrades and keeps_up else IN_PART if helps else NOT
    return verdict, [
        *(_("{kind}, {depth} layers, rate {rate:g}: training accuracy {train}, test accuracy {test}.").format(
            kind=_(kind), depth=depth, rate=found[0]["learning_rate"], train=percent(column(found, "train_accuracy")),
            test=percent(column(found, "test_accuracy"))) for (kind, depth), found in best.items()),
        *(_("{kind}, {depth} layers, before training: the gradient of the first convolution is {ratio} times that of "
            "the last.").format(kind=_(kind), depth=found[0]["depth"], ratio=spread(
                [run["gradients"][0] / run["gradients"][-1] for run in found], ".3g"))
          for kind in ("plain", "residual")
          for found in [select(record, part="picture_gradients", kind=kind)])]


def losses(first: list[dict], second: list[dict]) -> list[float]:
    """How much lower the training accuracy of `first` is than that of `second`, seed by seed."""
    other = {run["seed"]: run["train_accuracy"] for run in second}
    return [other[run["seed"]] - run["train_accuracy"] for run in first]


def worse(first: list[dict], second: list[dict]) -> bool:
    """Whether `first` has the lower training accuracy in every seed, and by `MARGIN` on average."""
    lost = losses(first, second)
    return min(lost) > 0 and statistics.mean(lost) >= MARGIN
