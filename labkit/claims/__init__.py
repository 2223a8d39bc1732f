"""The document's claims, and the verdicts on the recorded runs.

A verdict is computed by a rule of `labkit/claims/chNN.py` from `chapters/recorded/NN.json`, written by
`labkit record NN`, and from nothing else.
"""
import html
import json
import pkgutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from labkit.claims.rules import HOLDS, IN_PART, NOT, RULES, UNDECIDED, VERDICTS
from labkit.language import _
from labkit.settings import chapters_folder, choose

__all__ = ["HOLDS", "IN_PART", "NOT", "UNDECIDED", "VERDICTS", "Judgement", "decide", "judge", "known", "recorded",
           "table"]
SEEDS = 3       # fewer recorded seeds decide nothing

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):      # ch05.py, or ch06/ with a module for each section
    import_module(_module.name)


@dataclass(frozen=True)
class Judgement:
    """A verdict and the measured lines that it rests on."""
    claim: str
    text: str
    verdict: str
    findings: tuple[str, ...]
    source: str


def known() -> list[str]:
    """The ids of all claims that have a rule, in the order of the course."""
    return sorted(RULES, key=lambda claim: [int(part) for part in claim[1:].split(".")])


def recorded(chapter: str, folder: Path | None = None) -> dict | None:
    """The recorded runs of a chapter (`"05"`), or None where there are none."""
    path = (folder or chapters_folder() / "recorded") / f"{chapter}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def decide(claim: str, record: dict | None) -> Judgement:
    """Apply the claim's rule to a record. Raises `SettingError` for an unknown claim."""
    choose("claim", claim, known())
    text, function = RULES[claim]
    if record is None:
        nothing = _("Nothing has been recorded yet; make record CHAPTER={chapter} does it.")
        return Judgement(claim, _(text), UNDECIDED, (nothing.format(chapter=_chapter(claim)),), "")
    verdict, findings = function(record)
    sets = record["data"] if isinstance(record["data"], list) else [record["data"]]
    names = [", ".join(filter(None, (_(data["name"]), _(data["note"])))) for data in sets]
    source = _("{seeds} seeds, {data}, recorded {date} on {machine}, commit {commit}").format(
        seeds=len(record["seeds"]), data="; ".join(names), date=record["date"], machine=_(record["machine"]),
        commit=record["commit"])
    if len(record["seeds"]) < SEEDS:
        verdict = UNDECIDED
        findings = [*findings, _("Fewer than {count} seeds decide nothing.").format(count=SEEDS)]
    return Judgement(claim, _(text), verdict, tuple(findings), source)


def judge(claim: str) -> None:
    """Show the claim, what the recorded runs measured, and the verdict."""
    from IPython.display import display
    judgement = decide(claim, recorded(_chapter(claim)))
    lines = [f"{claim} · {_in_words(judgement.verdict)}", _("Claim: {text}").format(text=judgement.text),
             *(f"  – {finding}" for finding in judgement.findings)]
    if judgement.source:
        lines.append(f"  ({judgement.source})")
    items = "".join(f"<li>{html.escape(finding)}</li>" for finding in judgement.findings)
    page = (f"<div><p><strong>{html.escape(lines[0])}</strong><br>{html.escape(lines[1])}</p><ul>{items}</ul>"
            f"<p><small>{html.escape(judgement.source)}</small></p></div>")
    display({"text/plain": "\n".join(lines), "text/html": page}, raw=True,
            metadata={"labkit": {"claim": claim, "verdict": judgement.verdict}})


def table():
    """A data frame of all claims that have a rule, in the order of the course: claim, text and verdict."""
    import pandas
    judgements = [decide(claim, recorded(_chapter(claim))) for claim in known()]
    return pandas.DataFrame(
        [(judgement.text, _in_words(judgement.verdict)) for judgement in judgements],
        [judgement.claim for judgement in judgements], [_("claim"), _("verdict")])


def _chapter(claim: str) -> str:
    return f"{int(choose('claim', claim, known())[1:].split('.')[0]):02d}"


def _in_words(verdict: str) -> str:
    return {HOLDS: _("holds"), IN_PART: _("holds in part"), NOT: _("does not hold"),
            UNDECIDED: _("cannot be decided here")}[verdict]
