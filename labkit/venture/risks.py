"""A risk register: the document's five challenges, what recorded runs measured of each, and a learner's own estimates.

Figures come from `chapters/recorded/` alone; what has not been recorded is shown as not measured.
Probability and impact are the learner's, and so is the owner.
"""
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit.claims import UNDECIDED, decide, known, recorded
from labkit.claims.rules import select, spread
from labkit.language import _
from labkit.settings import choose, refuse

SORTS = ("expected loss", "challenge", "verdict")


@dataclass(frozen=True)
class Risk:
    """A challenge: its name, the claim that is about it, what was measured beside the claim, and what lowers it.

    `measured` are pairs of a chapter and a function from its record to a line in words, or None. All are functions or
    ids, so that texts are in the language of the moment.
    """
    name: Callable[[], str]
    lowers: Callable[[], str]
    claims: tuple[str, ...] = ()
    measured: tuple[tuple[str, Callable[[dict], str | None]], ...] = ()


def _training_time(record: dict) -> str | None:
    runs = [run["wall_seconds"] for run in select(record, setup="logits")]
    if not runs:
        return None
    return _("chapter 5's network, {epochs} epochs: {seconds} s on {machine}").format(
        epochs=record["epochs"], seconds=spread(runs, ".0f"), machine=record["machine"])


def _device_years(record: dict) -> str | None:
    runs = select(record, part="training", model="GPT-3 175B")
    if not runs:
        return None
    fastest = min(runs, key=lambda run: run["years"])
    return _("GPT-3 on one {device} at full peak: {years:.1f} years (calculated)").format(
        device=fastest["device"], years=fastest["years"])


def _not_deep(record: dict) -> str | None:
    ahead: dict[str, list[bool]] = {}
    for run in select(record, part="outcome"):
        better = run["deep"] < run["simple"] if run.get("lower_is_better") else run["deep"] > run["simple"]
        ahead.setdefault(run["task"], []).append(better)
    if not ahead:
        return None
    return _("in {count} of {total} products of chapter 6 the deep model was not ahead in every seed").format(
        count=sum(not all(better) for better in ahead.values()), total=len(ahead))


def _missed(record: dict) -> str | None:
    runs = select(record, part="lesions", model="network")
    if not runs:
        return None
    return _("chapter 6's network missed {missed:.0f} of {lesions:.0f} drawn lesions").format(
        missed=statistics.mean(run["missed"] for run in runs), lesions=statistics.mean(run["lesions"] for run in runs))


RISKS = {
    "compute": Risk(lambda: _("computing resources"),
                    lambda: _("a smaller model, fewer bits, an open model in place of one's own"),
                    ("C8.3", "C9.1"), (("05", _training_time), ("09", _device_years))),
    "privacy": Risk(lambda: _("privacy of data"),
                    lambda: _("collect less, train with differential privacy, attack one's own model"), ("C8.4",)),
    "explanation": Risk(lambda: _("explaining models"),
                        lambda: _("a model that can be read where it does as well; tested explanations"),
                        ("C8.5",), (("06", _not_deep),)),
    "bias": Risk(lambda: _("bias of algorithms"),
                 lambda: _("errors by group on every release, thresholds by group where the law allows"), ("C8.6",)),
    "law": Risk(lambda: _("laws and regulations"),
                lambda: _("a person who answers for wrong answers, a log of decisions, a lawyer's reading"),
                (), (("06", _missed),)),
}


@dataclass(frozen=True)
class Facts:
    """What records say of one risk: (source, line) pairs, and the verdicts of its claims in words."""
    lines: tuple[tuple[str, str], ...]
    verdicts: tuple[str, ...]


def facts(folder: Path | None = None) -> dict[str, Facts]:
    """Of each risk: the first finding and the verdict of each claim, and the other figures; only what was recorded.

    `folder` holds the records, `chapters/recorded` by default.
    """
    found = {}
    for name, risk in RISKS.items():
        judged = {claim: judgement for claim in risk.claims if (judgement := _judged(claim, folder)) is not None}
        lines = [(claim, judgement.findings[0]) for claim, judgement in judged.items() if judgement.findings]
        for chapter, line_of in risk.measured:
            record = recorded(chapter, folder)
            try:
                line = record and line_of(record)
            except KeyError:        # a record of another form does not hold this figure
                line = None
            if line:
                lines.append((chapter, line))
        found[name] = Facts(tuple(lines), tuple(f"{claim}: {_(judged[claim].verdict)}" for claim in judged))
    return found


def register(estimates: dict[str, tuple[float, float]] | None = None, sort: str = "expected loss",
             known_facts: dict[str, Facts] | None = None):
    """A data frame with a row for each challenge, sorted by one of `SORTS` (the largest loss first).

    `estimates` is {risk: (probability within a year, impact in money)}; without one the loss is left empty.
    `known_facts` is what `facts` gave, which is asked anew by default. Raises `SettingError` for an unknown risk, a
    probability outside 0..1, a negative impact, an unknown order.
    """
    import pandas
    choose("sort", sort, SORTS)
    known_facts, missing, rows = known_facts or facts(), _("not measured"), []
    for risk, values in (estimates or {}).items():
        _check(choose("risk", risk, RISKS), *values)
    for name, risk in RISKS.items():
        probability, impact = (estimates or {}).get(name, (math.nan, math.nan))
        rows.append((risk.name(), probability, impact, probability * impact,
                     "; ".join(f"[{source}] {line}" for source, line in known_facts[name].lines) or missing,
                     "; ".join(known_facts[name].verdicts) or missing, risk.lowers(), ""))
    columns = [_("challenge"), _("probability"), _("impact"), _("expected loss"), _("measured"), _("verdict"),
               _("what would lower it"), _("owner")]
    by = columns[{"expected loss": 3, "challenge": 0, "verdict": 5}[sort]]
    return pandas.DataFrame(rows, columns=columns).sort_values(by, ascending=sort != "expected loss", kind="stable",
                                                               ignore_index=True)


def _judged(claim: str, folder: Path | None):
    """The judgement of a claim, or None where it has no rule, no record, or the record decides nothing."""
    record = recorded(f"{int(claim[1:].split('.')[0]):02d}", folder)
    if claim not in known() or record is None:
        return None
    judgement = decide(claim, record)
    return None if judgement.verdict == UNDECIDED else judgement


def _check(risk: str, probability: float, impact: float) -> None:
    if not 0 <= probability <= 1:
        raise refuse(f"probability ({risk})", probability, _("a number from 0 to 1"))
    if not 0 <= impact < float("inf"):
        raise refuse(f"impact ({risk})", impact, _("a number of at least 0"))
