"""A chapter taken apart for a grader: text and lessons without outputs, and its exercises with stub and solution.

Where a lesson calls a solution, which learners do not get, it calls the check's reference instead. The badge that
opens the course itself is left out.
"""
import ast
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from labkit.language import _
from labkit.settings import chapters_folder, refuse
from labkit.translate import CHAPTER, LINK, page_of, translated

POINTS = 1          # what each exercise is worth
CALL = re.compile(r"^lk\.check\.(ch\d\d)\.(\w+)\(\2\)\s*\Z", re.MULTILINE)
SOLUTION = re.compile(r"\bsolution_(\w+)")
BADGE = re.compile(r"^\[!\[[^\]]*\]\([^)]*\.svg\)\]\([^)]*\)\n*", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """A function that a learner writes; each text of its source ends with a line break."""
    cell: str           # id of its cell
    check: str          # such as ch04.output_size
    name: str           # of the learner's function
    head: str           # up to its body
    stub: str           # the body that it comes with
    solution: str       # the body that is right


@dataclass
class Chapter:
    """The cells of a chapter in one language, solutions taken out; exercises by the id of their cell."""
    name: str
    notebook: nbformat.NotebookNode
    exercises: dict[str, Exercise] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)        # what the text shows: relative path -> where it is


def tagged(cell: nbformat.NotebookNode, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", [])


def read(path: Path, language: str = "en", address: str | None = None) -> Chapter:
    """The chapter at `path` with its text in `language`.

    Pictures keep their place beside the notebook. Links to chapters lead to where the course is published:
    `address`, by default that of pyproject.toml. Raises `SettingError` for an exercise without its frame.
    """
    notebook = translated(path, path.parent) if language == "zh" else nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict({"kernelspec": notebook.metadata["kernelspec"],
                                            "language_info": {"name": "python"}})
    chapter = Chapter(path.stem, notebook)
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if tagged(cell, "exercise"):
            chapter.exercises[cell.id] = taken_apart(path.stem, cell, following)
    notebook.cells = [cell for cell in notebook.cells if not tagged(cell, "solution")]
    references = {exercise.name: f"lk.check.{exercise.check}.reference" for exercise in chapter.exercises.values()}
    folder = f"{address or published()}/blob/main/chapters"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source = SOLUTION.sub(lambda found: references.get(found[1], found[0]), cell.source)
        else:
            cell.source = _relinked(BADGE.sub("", cell.source), path, folder, language, chapter.files)
    return chapter


def taken_apart(chapter: str, exercise: nbformat.NotebookNode, solution: nbformat.NotebookNode | None) -> Exercise:
    """The exercise of a cell tagged `exercise`, which the cell tagged `solution` follows."""
    call = CALL.search(exercise.source)
    stub = exercise.source[:call.start()].strip() + "\n" if call else ""
    head, body = _split(stub)
    answer = SOLUTION.sub(lambda found: found[1] if call and found[1] == call[2] else found[0],
                          solution.source.strip() + "\n" if solution and tagged(solution, "solution") else "")
    if not head or not answer.startswith(head):
        raise refuse("exercise", f"{chapter}:{exercise.id}", _(
            "one function and its check, then a cell tagged solution that begins with the same lines, the name after "
            "solution_"))
    return Exercise(exercise.id, f"{call[1]}.{call[2]}", call[2], head, body, answer[len(head):])


def published() -> str:
    """Where the course is published, as pyproject.toml has it."""
    project = tomllib.loads((chapters_folder().parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Source"].rstrip("/").removesuffix(".git")


def _split(source: str) -> tuple[str, str]:
    """A function's source up to its body, and the body; both empty where the source is not one function."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return "", ""
    if len(statements) != 1 or not isinstance(statements[0], ast.FunctionDef):
        return "", ""
    first = statements[0].body[0].lineno - 1
    lines = source.splitlines(keepends=True)
    return "".join(lines[:first]), "".join(lines[first:])


def _relinked(text: str, path: Path, folder: str, language: str, files: dict[str, Path]) -> str:
    def moved(link: re.Match) -> str:
        target = path.parent / link[1]
        if CHAPTER.fullmatch(link[1]):
            page = page_of(target) if language == "zh" else target
            return f"{folder}/{page.relative_to(path.parent).as_posix()}"
        if "://" not in link[1] and target.is_file():
            files[link[1]] = target
        return link[1]
    return LINK.sub(moved, text)
