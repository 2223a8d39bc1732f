"""Whether a large model paid: what each miniature product gained over its simple baseline."""
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from scipy.stats import t as student

from labkit.economics.cost import MILLION, prediction_cost
from labkit.language import _
from labkit.measure import seconds


@dataclass(frozen=True)
class Outcome:
    """What one run of a miniature product measured on examples that it had not seen.

    metric      what the business counts, such as "accuracy"; `lower_is_better` for costs and errors
    simple      its value for the baseline that is not deep
    deep        its value for the deep model
    examples    what the deep model learned from, with labels
    training    seconds that its training took
    latency     seconds from one input to its answer, by the deep model
    """
    task: str
    metric: str
    simple: float
    deep: float
    examples: int
    training: float
    latency: float
    lower_is_better: bool = False

    @property
    def gain(self) -> float:
        """How much better the deep model is, in units of the metric: negative where it is worse."""
        return self.simple - self.deep if self.lower_is_better else self.deep - self.simple


def latency(answer: Callable[[], object]) -> float:
    """Seconds of one call of an inference function: the median of 20, after three that do not count."""
    return statistics.median(seconds({"answer": answer})["answer"])


def interval(values: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """The mean of a few independent runs and the half-width of its interval by Student's t; NaN for one run."""
    if len(values) < 2:
        return values[0], math.nan
    half = student.ppf((1 + confidence) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), float(half)


def pays(gains: list[float]) -> bool:
    """Whether the mean gain of the recorded runs is positive by more than its interval."""
    mean, half = interval(gains)
    return mean > half


def of_record(record: dict) -> dict[str, list[Outcome]]:
    """The recorded outcomes of each task, one a seed, in the order of the chapter."""
    found = {}
    for run in record["runs"]:
        if run["part"] == "outcome":
            values = {name: value for name, value in run.items() if name not in ("part", "seed")}
            found.setdefault(run["task"], []).append(Outcome(**values))
    return found


def table(outcomes: dict[str, list[Outcome]], price_per_hour: float):
    """A data frame with a row for each task: its metric, both models (means), gain with interval, and what it took.

    The last column is the price of a million answers, one after the other, on a machine that costs `price_per_hour`.
    Single runs have no interval, and whether they pay is left out.
    """
    import pandas
    rows = []
    for runs in outcomes.values():
        seconds = statistics.mean(run.latency for run in runs)
        mean, half = interval([run.gain for run in runs])
        rows.append({
            _("task"): _(runs[0].task), _("metric"): _(runs[0].metric),
            _("simple"): statistics.mean(run.simple for run in runs),
            _("deep"): statistics.mean(run.deep for run in runs), _("gain"): mean, _("±"): half,
            _("pays"): _("yes") if mean > half else _("no"), _("labelled examples"): runs[0].examples,
            _("training, s"): statistics.mean(run.training for run in runs),
            _("latency, ms"): 1000 * seconds,
            _("a million, USD"): prediction_cost(MILLION, 1 / seconds, price_per_hour).money})
    frame = pandas.DataFrame(rows)
    return frame.drop(columns=[_("±"), _("pays")]) if all(len(runs) == 1 for runs in outcomes.values()) else frame
