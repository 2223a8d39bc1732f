"""The rule of C6.5, over breast-cancer diagnosis from a table and lesions in generated images.

Margins, set before a run of full size. Table: one point of accuracy is 6 of the 569 cases; less would not be noticed
in use. Since the 15 pairs of three seeds share cases, their interval is the corrected one of Nadeau & Bengio (2003),
which adds the share of test to training cases (1/4) to 1/15. Images: each seed has 400 new ones, so a share moves by 2
points (one standard error near 80 %) by chance; two points in the mean and the same sign in every seed are asked for.
Dice must gain 0.05, about a tenth of a middling one. Both must be gained: a network that marks more or fewer pixels can
raise one alone.
"""
import statistics

from scipy.stats import t as student

from labkit.claims.ch03 import higher
from labkit.claims.rules import HOLDS, IN_PART, NOT, column, percent, rule, select, spread
from labkit.language import _


def corrected_interval(differences: list[float], test_share: float, confidence: float = 0.95) -> float:
    """Half-width of the interval of the mean over repeated folds; `test_share` is test cases over training cases."""
    variance = statistics.variance(differences) * (1 / len(differences) + test_share)
    return float(student.ppf((1 + confidence) / 2, len(differences) - 1)) * variance ** 0.5


@rule("C6.5", "Deep models raise diagnostic accuracy")
def diagnostic_accuracy(record):
    """A network against logistic regression on the table, and against the best threshold on images. On the table
    accuracy is raised if the mean of the paired differences is at least a point and larger than its corrected
    interval. On images it is raised if the share of images judged rightly is higher in every seed, by two points on
    average, and Dice too, by 0.05. Holds if it is raised on both, in part on one of them, else it does not."""
    table = {name: sorted(select(record, part="diagnosis", model=name), key=lambda run: (run["seed"], run["fold"]))
             for name in ("logistic", "network")}
    apart = [deep["accuracy"] - simple["accuracy"]
             for deep, simple in zip(table["network"], table["logistic"], strict=True)]
    folds = len({run["fold"] for run in table["network"]})
    mean, half = statistics.mean(apart), corrected_interval(apart, 1 / (folds - 1))
    images = {name: select(record, part="lesions", model=name) for name in ("threshold", "network")}
    raised = [mean >= 0.01 and mean > half,
              higher(images["network"], images["threshold"], "accuracy", 0.02)
              and higher(images["network"], images["threshold"], "dice", 0.05)]
    return HOLDS if all(raised) else IN_PART if any(raised) else NOT, [
        *(_("table, {model}: accuracy {accuracy} over {count} folds, Brier score {brier}; a seed misses {missed} of "
            "{malignant} malignant cases.").format(
                model=_(name), accuracy=percent(column(runs, "accuracy")), count=len(runs),
                brier=spread(column(runs, "brier"), ".3f"), missed=spread(_by_seed(runs, "missed"), ".1f"),
                malignant=_by_seed(runs, "malignant")[0]) for name, runs in table.items()),
        _("table, network minus logistic: {mean:+.2f} ± {half:.2f} points of accuracy (95 %, corrected for shared "
          "cases).").format(mean=100 * mean, half=100 * half),
        *(_("images, {model}: {accuracy} judged rightly, Dice {dice}, {missed} of {lesions} lesions missed, "
            "{alarms} false alarms.").format(
                model=_(name), accuracy=percent(column(runs, "accuracy")), dice=spread(column(runs, "dice")),
                missed=spread(column(runs, "missed"), ".0f"), lesions=spread(column(runs, "lesions"), ".0f"),
                alarms=spread(column(runs, "false_alarms"), ".0f")) for name, runs in images.items())]


def _by_seed(runs: list[dict], name: str) -> list[int]:
    """The sum over the folds of each seed."""
    return [sum(run[name] for run in runs if run["seed"] == seed) for seed in dict.fromkeys(column(runs, "seed"))]
