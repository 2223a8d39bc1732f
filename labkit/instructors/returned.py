"""What a learner has handed in: whose a notebook is, which exercises it has, and what its outputs say of each."""
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from labkit.checks import CHAPTERS, exercises
from labkit.language import _, everywhere

STATES = ("solved", "wrong", "not attempted", "not run", "missing")     # the best first
CHECK = re.compile(r"\blk\.check\.(ch\d\d)\.(\w+)\(")
OTTER = re.compile(r"\bgrader\.check\(\s*[\"'](\w+)[\"']\s*\)")         # which names no chapter
LARGEST = 100_000_000                   # bytes of a notebook; more, from an endless loop, need many GB to read
SKIPPED = "."                                                           # .ipynb_checkpoints and the like


@dataclass
class Returned:
    """A notebook that was handed in. `chapter` has two digits; where it is empty, `note` says why."""
    learner: str
    path: Path
    chapter: str = ""
    states: dict[str, str] = field(default_factory=dict)        # number of the exercise -> one of STATES
    note: str = ""


def notebooks(folder: Path) -> dict[Path, str]:
    """Each notebook below `folder`, and whose it is: the name of the first folder, or its own where there is none.

    Of a course of nbgrader's, those in submitted/.
    """
    base = folder / "submitted" if (folder / "submitted").is_dir() else folder
    found = {}
    for path in sorted(base.rglob("*.ipynb")):
        inner = path.relative_to(base)
        if path.is_file() and not any(part.startswith(SKIPPED) for part in inner.parts):
            found[path] = shown(inner.parts[0] if len(inner.parts) > 1 else path.stem)
    return found


def shown(path: str | Path) -> str:
    """The path as text that can be printed: names unpacked from another country's zip need not be in UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def load(path: Path) -> nbformat.NotebookNode:
    """The notebook in today's format. Raises `ValueError`, with the reason, where it cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(_("it has more than {most:,} bytes").format(most=LARGEST))
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook, relax_add_props=True)
    except Exception as error:      # nbformat has no list of what a file that is no notebook may raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(_("cannot be read as a notebook: {reason}").format(reason=reason[:200])) from error
    return notebook


def chapter_of(notebook: nbformat.NotebookNode) -> str:
    """The two digits of the chapter whose checks the notebook calls most; empty where it calls none."""
    calls = Counter(call[1] for cell in code(notebook) for call in CHECK.finditer(cell.source) if call[1] in CHAPTERS)
    if calls:
        return calls.most_common(1)[0][0][2:]
    otter = notebook.metadata.get("otter")
    assignment = str(otter.get("assignment_name", "")) if isinstance(otter, Mapping) else ""
    return assignment[:2] if f"ch{assignment[:2]}" in CHAPTERS else ""


def checks_in(cell: nbformat.NotebookNode, chapter: str) -> set[str]:
    """The names of the chapter's checks that a code cell calls, through labkit or through otter."""
    return {call[2] for call in CHECK.finditer(cell.source) if call[1] == f"ch{chapter}"} | {
        call[1] for call in OTTER.finditer(cell.source)}


def numbers(chapter: str) -> dict[str, str]:
    """The exercises of a chapter: name of the check -> number."""
    return {check.__name__: number for number, check in exercises().items() if number.startswith(f"{int(chapter)}.")}


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def state(number: str, outputs: Iterable[nbformat.NotebookNode]) -> str:
    """What the outputs of a cell say of exercise `number`, in whichever language: any of STATES but the last."""
    outputs = list(outputs)
    text = "\n".join(str(part) for output in outputs for part in (
        output.get("text", ""), output.get("data", {}).get("text/plain", ""), output.get("evalue", "")))

    def says(message: str) -> bool:
        return any(form.format(number=number) in text for form in everywhere(message))
    if says("Exercise {number}: not attempted yet."):
        return "not attempted"
    if says("Exercise {number}: not correct yet.") or any(output.output_type == "error" for output in outputs):
        return "wrong"
    return "solved" if says("Exercise {number}: correct.") else "not run"


def by_outputs(notebook: nbformat.NotebookNode, chapter: str) -> dict[str, str]:
    """What the stored outputs say of each exercise of the chapter; of several cells with its check, the best."""
    states = {}
    for name, number in numbers(chapter).items():
        said = [state(number, cell.outputs) for cell in code(notebook) if name in checks_in(cell, chapter)]
        states[number] = min(said, key=STATES.index, default="missing")
    return states


def unknown(notebook: nbformat.NotebookNode, chapter: str) -> str:
    """A note on checks that the course does not have, as in a notebook of another version; empty if there are none."""
    called = {name for cell in code(notebook) for name in checks_in(cell, chapter)}
    lacking = sorted(called - numbers(chapter).keys())
    return _("this version of the course has no check {names}").format(names=", ".join(lacking)) if lacking else ""
