"""`labkit class`: what each learner of a class has solved, from a folder of returned notebooks.

A notebook's outputs are what the learner's computer says; `--execute` runs the notebook, which is more trustworthy.
"""
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from labkit.checks import exercises
from labkit.headless import aligned
from labkit.instructors import returned
from labkit.instructors.returned import Returned
from labkit.language import _
from labkit.settings import refuse

MARKS = {"solved": "✓", "wrong": "✗", "not attempted": "·", "not run": "?", "missing": "–"}
COLUMNS = ("learner", "chapter", "exercise", "name", "state", "notebook", "note")


def collect(folder: Path, execute: bool = False, seconds: float = 120, memory: float = 8) -> Iterator[Returned]:
    """Read each notebook below `folder`, or execute it; what cannot be read gets a note and stops nothing.

    `seconds` for one cell and `memory` in GB are limits of an execution; see `execution.by_execution`.
    """
    for path, learner in returned.notebooks(folder).items():
        result = Returned(learner, path)
        try:
            notebook = returned.load(path)
        except ValueError as error:
            result.note = str(error)
            yield result
            continue
        result.chapter = returned.chapter_of(notebook)
        if not result.chapter:
            result.note = _("no exercise of the course is in it")
        else:
            result.note = returned.unknown(notebook, result.chapter)
            if execute:
                from labkit.instructors.execution import by_execution
                result.states, stopped = by_execution(notebook, result.chapter, seconds, memory)
                result.note = "; ".join(filter(None, (result.note, stopped)))
            else:
                result.states = returned.by_outputs(notebook, result.chapter)
        yield result


def table(results: Iterable[Returned]) -> str:
    """For each chapter: its learners, a mark for each exercise, and how many learners solved it."""
    chapters: dict[str, list[Returned]] = {}
    for result in results:
        if result.chapter:
            chapters.setdefault(result.chapter, []).append(result)
    blocks = []
    for _chapter, group in sorted(chapters.items()):
        numbers = list(group[0].states)
        rows = [(_("learner"), *numbers, _("solved"))]
        for result in group:
            solved = sum(state == "solved" for state in result.states.values())
            rows.append((result.learner, *(MARKS[state] for state in result.states.values()),
                         _("{count} of {total}").format(count=solved, total=len(numbers))))
        rows.append((_("solved by"), *(str(sum(result.states[number] == "solved" for result in group))
                                       for number in numbers), ""))
        blocks.append(aligned(rows))
    legend = {"solved": _("solved"), "wrong": _("wrong"), "not attempted": _("not attempted"),
              "not run": _("not run"), "missing": _("its check is missing")}
    return "\n\n".join([*blocks, "   ".join(f"{MARKS[state]} {text}" for state, text in legend.items())])


def write(results: Iterable[Returned], folder: Path, path: Path) -> None:
    """Write a line for each learner and exercise, and one for each notebook without any, as CSV (UTF-8)."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:      # the mark by which Excel knows UTF-8
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for result in results:
            notebook = returned.shown(result.path.relative_to(folder).as_posix())
            if not result.states:
                rows.writerow((result.learner, "", "", "", "unreadable", notebook, result.note))
            for number, state in result.states.items():
                rows.writerow((result.learner, result.chapter, number, exercises()[number].__name__, state, notebook,
                               result.note))


def summarise(folder: str | Path, execute: bool = False, seconds: float = 120, memory: float = 8,
              to: str | Path | None = None) -> int:
    """Print the table of a class and what could not be read, write the CSV file `to`, and return the exit code.

    Returns 1 if a notebook gave no result, else 0. Raises `SettingError` for a folder without notebooks, and for
    limits that are not above 0.
    """
    folder = Path(folder).expanduser().resolve()
    for name, value in (("--seconds", seconds), ("--memory", memory)):
        if not value > 0:
            raise refuse(name, value, _("a number above 0"))
    total = len(returned.notebooks(folder)) if folder.is_dir() else 0
    if not total:
        raise refuse("FOLDER", str(folder), _("a folder with notebooks"))
    results = []
    for result in collect(folder, execute, seconds, memory):
        results.append(result)
        if execute:
            print(f"{len(results)}/{total} {returned.shown(result.path.relative_to(folder))}", flush=True)
    print(table(results))
    for result in results:
        if result.note:
            print(f"{returned.shown(result.path.relative_to(folder))}: {result.note}")
    if to is not None:
        write(results, folder, Path(to).expanduser())
        print(to)
    return 0 if all(result.chapter for result in results) else 1
