"""A model card (Mitchell et al. 2019) as Markdown, filled from a run: no figure in it is typed in.

The sections are the paper's. What the author decides, the intended use, is an argument; all else is read from the data,
the decisions and the measures of `labkit.trends.fairness`.
"""
import html
import re
from pathlib import Path

import numpy as np
import sklearn

import labkit
from labkit.applications import credit
from labkit.data.tables import Table
from labkit.language import _
from labkit.settings import choose, refuse
from labkit.trends import fairness


def credit_card(loans: Table, decisions: list[fairness.Decisions], use: str, policy: str = "without age",
                scorer: str = "logistic", seed: int = 0, energy: float | None = None) -> str:
    """The card of a credit scorer under one of fairness.POLICIES, as Markdown.

    decisions   of each deal, as `fairness.decide` made them
    use         what the model is meant for, in a sentence
    energy      watt-hours of the runs; None says that it was not measured
    """
    choose("policy", policy, fairness.POLICIES)
    choose("scorer", scorer, fairness.SCORERS)
    if not isinstance(use, str) or not use.strip():
        raise refuse("use", use, _("a sentence that says what the model is meant for"))
    frame = loans.frame
    bad, group = 1 - frame[loans.target].to_numpy(), fairness.young(frame)
    if not decisions or any(len(found.probability) != len(bad) for found in decisions):
        raise refuse("decisions", len(decisions), _("at least one deal, with a decision for each loan"))
    measured = fairness.gaps(decisions, bad, group, seed=seed)
    heading = _("Model card")
    return "\n".join([
        f"# {heading}: {_(scorer)}, {_(policy)}", "",
        *_section(_("Model details"), [
            _("Deals of five folds: {deals}; seed {seed}; labkit {labkit}, scikit-learn {sklearn}.").format(
                deals=len(decisions), seed=seed, labkit=labkit.__version__, sklearn=sklearn.__version__),
            _("Reads: {columns}.").format(columns=", ".join(
                map(_, [*credit.FIELDS, *(["age"] if policy == "with age" else [])]))),
            _("Group known when decided: {yes}.").format(
                yes=_("yes") if policy in ("with age", "thresholds by group") else _("no"))]),
        *_section(_("Intended use"), [literally(_(use.strip())), *_scope(frame)]),
        *_section(_("Factors"), [_("Under {years} years: {young} loans; older: {older}.").format(
            years=fairness.YOUNG, young=int(group.sum()), older=int((~group).sum()))]),
        *_section(_("Data"), [
            _("{name}, {count} loans, {share:.0%} of them bad; licence {licence}.").format(
                name=loans.name, count=len(frame), share=bad.mean(), licence=loans.licence),
            f"SHA-256 {loans.sha256}", loans.source]),
        *_section(_("Metrics"), _metrics(decisions, bad)),
        *_table(measured),
        *_section(_("Limits"), [loans.note, *_differences(measured)]),
        *_section(_("Energy"), [_("not measured") if energy is None else f"{energy:.3g} Wh"])]).rstrip() + "\n"


def save(card: str, path: str | Path) -> Path:
    """Write the card to a new file and return its path. Raises `SettingError` if there is a file already."""
    path = Path(path)
    if path.exists():
        raise refuse("path", str(path), _("a file that does not exist yet"))
    path.write_text(card, encoding="utf-8")
    return path


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {line}" for line in lines), ""]


def literally(text: str) -> str:
    """A learner's text as Markdown that shows its letters: no link, no picture from elsewhere, no second point."""
    marked = re.sub(r"([`*_~|\[\]#!])", r"\\\1", html.escape(text, quote=False).replace("\\", "&#92;"))
    return " ".join(marked.split())


def _scope(frame) -> list[str]:
    """What the model has seen: outside of it, its answers are guesses."""
    ranges = ", ".join(f"{_(name)} {frame[name].min():g} – {frame[name].max():g}" for name in credit.NUMBERS)
    return [_("Not outside of what it has seen: {ranges}.").format(ranges=ranges)]


def _metrics(decisions: list[fairness.Decisions], bad: np.ndarray) -> list[str]:
    cost = np.mean([credit.cost(~found.approved, bad) for found in decisions])
    trivial = min(credit.cost(np.full(len(bad), every), bad) for every in (True, False))
    return [_("Cost per loan {cost:.3f}; without a model {trivial:.3f} (a bad loan costs {ratio:g}).").format(
        cost=cost, trivial=trivial, ratio=credit.RATIO)]


def _table(measured) -> list[str]:
    head = [_("measure"), _("young"), _("older"), _("gap"), _("95 % interval")]
    rows = [[_(name), f"{row.young:.3f}", f"{row.older:.3f}", f"{row.gap:+.3f}", f"{row.low:+.3f} … {row.high:+.3f}"]
            for name, row in measured.iterrows()]
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)] + [""]


def _differences(measured) -> list[str]:
    """The measures in which the groups differ, and those in which no difference could be shown."""
    apart = (measured["low"] > 0) | (measured["high"] < 0)
    texts = ((apart, _("Groups differ in: {names}.")), (~apart, _("No difference could be shown in: {names}.")))
    return [text.format(names=", ".join(_(name) for name in measured.index[chosen])) for chosen, text in texts
            if chosen.any()]
