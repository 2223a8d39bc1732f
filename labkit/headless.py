"""Chapters without a browser: what `labkit run` does.

What a chapter took and what it judged is in summary.json, written anew after each chapter, so that a run which is
broken off has it too.
"""
import ast
import dataclasses
import datetime
import importlib.metadata
import json
import math
import platform
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat

from labkit import settings
from labkit.execution import Result, termination_interrupts
from labkit.language import _
from labkit.settings import choose, refuse
from labkit.side_by_side import Task, at_once, in_turn, jobs_for

CHECKS = {"seed": settings.seed, "price_per_hour": settings.price}      # of what several chapters have


def find(names: Sequence[str] = (), folder: Path | None = None) -> list[Path]:
    """The notebooks of `folder` (default: chapters/) by number (`05`, `5`) or name (`05_project`); all for none.

    Raises `SettingError` for a name that no notebook has.
    """
    folder = folder or settings.chapters_folder()
    notebooks = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not notebooks:
        raise refuse("chapters", str(folder), _("a folder with notebooks"))
    numbers = {stem.split("_")[0].lstrip("0"): stem for stem in notebooks}
    chosen = [numbers.get(name.lstrip("0"), name.removesuffix(".ipynb")) for name in names]
    for name in chosen:
        choose("chapter", name, notebooks)
    return [notebooks[name] for name in dict.fromkeys(chosen or notebooks)]


def parameters(notebook: Path) -> dict[str, object]:
    """Names and default values in the cell tagged `parameters`; empty where there is none."""
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (ValueError, nbformat.ValidationError) as error:
        raise refuse("chapter", notebook.stem, _("a readable notebook"), str(error)) from error
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            return {statement.targets[0].id: ast.literal_eval(statement.value)
                    for statement in ast.parse(cell.source).body if isinstance(statement, ast.Assign)}
    return {}


def convert(name: str, text: str, default: object) -> object:
    """`text` as a value of the type that `default` has. Raises `SettingError` where it is not one."""
    advice = _("The default is {default}.").format(default=repr(default))
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return choose(name, text.lower(), ("true", "false")) == "true"
    if isinstance(default, int | float):
        allowed = _("a whole number") if isinstance(default, int) else _("a finite number")
        try:
            number = type(default)(text)
        except ValueError:
            raise refuse(name, text, allowed, advice) from None
        if not math.isfinite(number):
            raise refuse(name, text, allowed, advice)
        return number
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise refuse(name, text, _("a Python literal"), advice) from None
    if default is not None and type(value) is not type(default):
        raise refuse(name, text, _("a literal of type {kind}").format(kind=type(default).__name__), advice)
    return value


def plan(notebooks: Iterable[Path], profile: str, given: Iterable[tuple[str, str]]) -> dict[Path, dict]:
    """The parameters of each notebook, all of them checked before anything runs.

    Raises `SettingError` for an unknown profile, a name that a chosen chapter lacks, a value of the wrong type, and
    one that CHECKS refuse.
    """
    texts = {"profile": profile, **dict(given)}
    choose("profile", texts["profile"], settings.PROFILES)
    planned = {}
    for notebook in notebooks:
        defaults = parameters(notebook)
        for name in texts:
            if name not in defaults:
                raise refuse("parameter", name, ", ".join(defaults) or _("none"),
                             _("Those are the parameters of {chapter}.").format(chapter=notebook.stem))
        planned[notebook] = {name: convert(name, text, defaults[name]) for name, text in texts.items()}
        for name in texts.keys() & CHECKS.keys():
            CHECKS[name](planned[notebook][name])
    return planned


def write_summary(path: Path, profile: str, given: dict, **contents) -> None:
    """Replace the JSON at `path`: when, on what and with which values, then `contents`."""
    summary = {
        "written": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "profile": profile, "parameters": given,
        "python": platform.python_version(), "platform": platform.platform(),
        "versions": {name: importlib.metadata.version(name) for name in ("labkit", "torch", "papermill")},
        **contents,
    }
    fresh = path.with_name(f"{path.name}.part")
    fresh.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def spoken(result: str) -> str:
    """How a run went, in the learner's language."""
    return {"passed": _("passed"), "failed": _("failed"), "interrupted": _("interrupted")}[result]


def explain(result: Result) -> str:
    """What stopped a chapter, where, and where to look; empty for one that passed."""
    if result.error is None:
        return ""
    where = _("{chapter}: {result} in cell {cell} (id {id})") if "cell" in result.error else "{chapter}: {result}"
    lines = [where.format(chapter=result.chapter, result=spoken(result.result), **result.error)]
    if result.result == "failed":
        lines.append(f"  {result.error['name']}: {result.error['message']}")
    if Path(result.notebook).exists():      # not of a run that no worker has begun
        lines.append(_("  The notebook up to there: {path}").format(path=result.notebook))
    return "\n".join(lines)


def table(results: Sequence[Result]) -> str:
    """Chapter, seconds, peak memory, claims by verdict, result: one line a chapter."""
    rows = [(_("chapter"), _("seconds"), _("peak memory"), _("claims"), _("result"))]
    for result in results:
        claims = ", ".join(f"{count} {_(verdict)}" for verdict, count in result.claims.items())
        rows.append((result.chapter, f"{result.seconds:.1f}", f"{result.peak_memory / 1e6:.0f} MB",
                     claims or "-", spoken(result.result)))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines whose columns begin below one another."""
    def width(text: str) -> int:            # a Chinese character takes two columns of a terminal
        return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    padded = [[text + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)


def out_folder(out: str | Path | None, kind: str) -> Path:
    """`out` in full, or build/`kind`/<time>/ of the checkout. It is not created here."""
    if out is None:
        out = settings.chapters_folder().parent / "build" / kind / time.strftime("%Y%m%d-%H%M%S")
    return Path(out).expanduser().resolve()


def _make(out: Path) -> None:
    """Make the folder `out`, or see that it can be written to. Raises `SettingError` where it cannot."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise refuse("--out", str(out), _("a folder that can be written"), error.strerror or "") from error


def run(names: Sequence[str] = (), profile: str = "quick", given: Sequence[tuple[str, str]] = (),
        out: str | Path | None = None, folder: Path | None = None, jobs: int | None = None) -> int:
    """Execute chapters, so many `jobs` at once, print how each went, and return the exit code.

    `names` are those of `find`, `given` pairs of parameter and text; what is wrong with them is refused
    (`SettingError`) before anything runs. Executed notebooks and summary.json go to `out`, by default
    build/runs/<time>/ of the checkout. A chapter that fails does not keep the others from running.

    By default there are as many jobs as cores and memory allow in the quick profile, whose chapters use one thread,
    and where LABKIT_THREADS says how many theirs use; else one, since each run chooses its threads by timing.
    Returns 0 if all passed, 1 if one failed, 130 if the run was interrupted.
    """
    planned = plan(find(names, folder), profile, given)
    if jobs is not None and jobs < 1:
        raise refuse("--jobs", jobs, _("a whole number from 1 on"))
    if jobs is None:
        threads = settings.threads() or (1 if dict(given).get("profile", profile) == "quick" else None)
        jobs = 1 if threads is None else jobs_for(len(planned), threads)
    out = out_folder(out, "runs")
    if out in {notebook.parent.resolve() for notebook in planned} or (out.exists() and not out.is_dir()):
        raise refuse("--out", str(out), _("a folder that is not the chapters' own"))
    _make(out)
    tasks = [Task(notebook, out / notebook.name, values, f"{number}/{len(planned)} {notebook.stem}")
             for number, (notebook, values) in enumerate(planned.items(), start=1)]
    order, results = [notebook.stem for notebook in planned], []
    with termination_interrupts():
        for result in in_turn(tasks) if jobs == 1 else at_once(tasks, jobs):
            results = sorted([*results, result], key=lambda result: order.index(result.chapter))
            write_summary(out / "summary.json", profile, dict(given), chapters=list(map(dataclasses.asdict, results)))
            if result.error is not None:
                print(explain(result), flush=True)
    print(f"\n{table(results)}\n\n" + _("Executed notebooks and summary.json: {folder}").format(folder=out))
    outcomes = {result.result for result in results}
    return 130 if "interrupted" in outcomes else 1 if "failed" in outcomes else 0
