"""Chapters in the format of `otter assign`: blocks that begin and end in raw cells.

A check becomes an exception-based test, so that what it prints does not matter. All other cells are read-only.
"""
from pathlib import Path

import nbformat

from labkit.instructors.release import POINTS, Chapter, Exercise

ASSIGNMENT = """# ASSIGNMENT CONFIG
name: {name}
export_cell: false
tests:
  ok_format: false
"""
SOLUTION = '''{head}    # BEGIN SOLUTION NO PROMPT
{solution}    # END SOLUTION
    """ # BEGIN PROMPT
{stub}    """ # END PROMPT'''
TEST = '''def test_{name}({name}):
    import labkit as lk
    lk.check.{check}({name}, graded=True)'''


def place(folder: Path, name: str) -> Path:
    """Where the source of the assignment `name` goes: a folder of its own, since `otter assign` writes beside it."""
    return folder / name / f"{name}.ipynb"


def settle(folder: Path) -> None:
    """otter-grader has no settings but those in a notebook."""


def next_step(folder: Path, name: str) -> str:
    """The command that makes what learners get, and what grades it."""
    return f"cd {folder / name} && otter assign {name}.ipynb dist"


def notebook(chapter: Chapter) -> nbformat.NotebookNode:
    """The source version, from which otter makes the learners' and the graders'."""
    folders = sorted({Path(file).parts[0] for file in chapter.files})
    files = "".join(["files:\n", *(f"  - {name}\n" for name in folders)]) if folders else ""
    cells = [_raw("assignment", ASSIGNMENT.format(name=chapter.name) + files)]
    for cell in chapter.notebook.cells:
        if cell.id in chapter.exercises:
            cells += _question(cell, chapter.exercises[cell.id])
        else:
            cell.metadata.update(editable=False, deletable=False)
            cells.append(cell)
    chapter.notebook.cells = cells
    return chapter.notebook


def _question(cell: nbformat.NotebookNode, exercise: Exercise) -> list[nbformat.NotebookNode]:
    cell.source = SOLUTION.format(head=exercise.head, solution=exercise.solution, stub=exercise.stub)
    test = nbformat.v4.new_code_cell(TEST.format(name=exercise.name, check=exercise.check), id=f"{cell.id}-check")
    question = f"# BEGIN QUESTION\nname: {exercise.name}\npoints: {POINTS}\n"
    return [_raw(f"{cell.id}-question", question),
            _raw(f"{cell.id}-solution", "# BEGIN SOLUTION"), cell, _raw(f"{cell.id}-solved", "# END SOLUTION"),
            _raw(f"{cell.id}-tests", "# BEGIN TESTS"), test, _raw(f"{cell.id}-tested", "# END TESTS"),
            _raw(f"{cell.id}-end", "# END QUESTION")]


def _raw(name: str, source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_raw_cell(source, id=name)
