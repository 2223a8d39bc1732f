"""What a rule is: it reads a record and returns a verdict with the measured lines that it rests on.

Each `labkit/claims/chNN.py` holds the rules of one chapter. A rule and its thresholds are committed before the first
recorded run of its chapter.
"""
import math
import statistics
from collections.abc import Callable

VERDICTS = ("holds", "holds in part", "does not hold", "cannot be decided here")
HOLDS, IN_PART, NOT, UNDECIDED = VERDICTS

Rule = Callable[[dict], tuple[str, list[str]]]
RULES: dict[str, tuple[str, Rule]] = {}


def rule(claim: str, text: str):
    """Register the rule of a claim; `text` is the claim in a few words."""
    def register(function: Rule) -> Rule:
        RULES[claim] = (text, function)
        return function
    return register


def select(record: dict, **values) -> list[dict]:
    """The recorded runs that have these values: `select(record, setup="logits", seed=0)`."""
    return [run for run in record["runs"] if all(run.get(name) == value for name, value in values.items())]


def column(runs: list[dict], name: str) -> list[float]:
    """One figure of each run."""
    return [run[name] for run in runs]


def spread(values: list[float], form: str = ".2f") -> str:
    """Mean ± standard deviation (lowest to highest), as text."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):{form}} ± {deviation:{form}} ({min(values):{form}} – {max(values):{form}})"


def percent(values: list[float]) -> str:
    """`spread` of shares, in per cent."""
    return spread([100 * value for value in values]) + " %"
