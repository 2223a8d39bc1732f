"""Chapters for nbgrader: metadata of schema 3, and the settings that its commands read.

An exercise becomes two cells: the function, whose solution nbgrader takes out, and its check, locked and graded.
All other cells are read-only. nbgrader gives a check's points where its cell has no error among its outputs.
"""
from pathlib import Path

import nbformat

from labkit.instructors.release import POINTS, Chapter, Exercise

SETTINGS = '''# Written by `labkit export nbgrader`, once: yours to change.
c = get_config()

c.CourseDirectory.course_id = "large-models-measured"

# An exercise is handed out with the stub that the course has.
c.ClearSolutions.code_stub = {"python": "return ..."}

# Seconds for one cell: an endless loop costs its own points and no others.
c.Execute.timeout = 300

# A wrong answer raises. What a cell writes to stderr costs nothing: our checks print warnings, but not what a log
# handler writes that was made in an earlier cell.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "."

# A check that a learner has deleted is put back.
c.OverwriteCells.add_missing_cells = True
'''


def place(folder: Path, name: str) -> Path:
    """Where nbgrader wants the source of the assignment `name`."""
    return folder / "source" / name / f"{name}.ipynb"


def settle(folder: Path) -> None:
    """Write nbgrader's settings, unless the folder has some."""
    settings = folder / "nbgrader_config.py"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")


def next_step(folder: Path, name: str) -> str:
    """The command that makes what learners get."""
    return f"cd {folder} && nbgrader generate_assignment {name}"


def notebook(chapter: Chapter) -> nbformat.NotebookNode:
    """The source version: solutions between nbgrader's marks, and a check after each."""
    cells = []
    for cell in chapter.notebook.cells:
        if cell.id in chapter.exercises:
            cells += _graded(cell, chapter.exercises[cell.id])
        else:
            cells.append(_marked(cell, locked=True))
    chapter.notebook.cells = cells
    return chapter.notebook


def _graded(cell: nbformat.NotebookNode, exercise: Exercise) -> list[nbformat.NotebookNode]:
    cell.source = f"{exercise.head}    ### BEGIN SOLUTION\n{exercise.solution}    ### END SOLUTION"
    check = nbformat.v4.new_code_cell(f"lk.check.{exercise.check}({exercise.name})", id=f"{cell.id}-check")
    return [_marked(cell, solution=True), _marked(check, grade=True, locked=True, points=POINTS)]


def _marked(cell: nbformat.NotebookNode, **marks) -> nbformat.NotebookNode:
    """The cell with nbgrader's metadata; its id is nbgrader's too."""
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": cell.id, "cell_type": cell.cell_type, "grade": False,
                                 "solution": False, "locked": False, "task": False, **marks}
    return cell
