"""What `labkit export nbgrader` writes, in the hands of nbgrader itself."""
import re

import graded
import nbformat
import pytest
from answers_ch09 import RIGHT, WRONG

import labkit as lk
from labkit.checks import exercises
from labkit.headless import find
from labkit.instructors.export import export
from labkit.instructors.nbgrader import SETTINGS
from labkit.settings import SettingError, chapters_folder
from labkit.translate import english

nbgrader = pytest.importorskip("nbgrader")
CHAPTERS = [path.stem for path in find()]


def marks(course, assignment, learner) -> dict[str, float]:
    """Points that nbgrader gave for each graded cell."""
    from nbgrader.api import Gradebook
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_submission_notebook(assignment, assignment, learner)
        assert not any(grade.needs_manual_grade for grade in notebook.grades)
        assert notebook.max_score == len(notebook.grades)
        return {grade.name: grade.auto_score for grade in notebook.grades}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose toy chapter one learner has handed in, graded; beside it the learners' progress, if any."""
    folder = tmp_path_factory.mktemp("nbgrader")
    graded.chapter(folder / "chapters")
    export("nbgrader", folder / "course", language="en", chapters=folder / "chapters")
    course = folder / "course"
    graded.run("nbgrader", "generate_assignment", "01_toy", folder=course, state=folder / "state")
    returned = graded.answer(course / "release" / "01_toy" / "01_toy.ipynb",
                             course / "submitted" / "ada" / "01_toy" / "01_toy.ipynb", graded.handed_in())
    notebook = nbformat.read(returned, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "ex-training_flops-check"]     # deleted: put back
    next(cell for cell in notebook.cells if cell.id == "lesson").source = "changed = True"
    nbformat.write(notebook, returned)
    graded.run("nbgrader", "autograde", "01_toy", folder=course, state=folder / "state")
    return course


def test_a_right_answer_gets_its_points_whatever_it_writes_to_stderr_and_no_other_does(course):
    assert marks(course, "01_toy", "ada") == {f"ex-{name}-check": float(state == "solved")
                                              for name, (_body, state) in graded.ANSWERS.items()}


def test_grading_runs_the_course_own_lessons_and_writes_nobodys_progress(course):
    cells = nbformat.read(course / "autograded" / "ada" / "01_toy" / "01_toy.ipynb", as_version=4).cells
    assert next(cell for cell in cells if cell.id == "lesson").outputs[0].data["text/plain"] == "6.0"
    assert not (course.parent / "state").exists()


def test_learners_get_stubs_no_solution_no_output_and_may_edit_their_answers_alone(course):
    release = course / "release" / "01_toy"
    notebook = nbformat.read(release / "01_toy.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    for name, (head, solution) in graded.EXERCISES.items():
        assert sources[f"ex-{name}"] == f"{head}\n    return ..."
        assert sources[f"ex-{name}-check"] == f"lk.check.ch01.{name}({name})"
        assert f"ex-{name}-solution" not in sources and solution not in "\n".join(sources.values())
    assert sources["lesson"] == "lk.check.ch01.training_flops.reference(1, 1)"
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert {cell.id for cell in notebook.cells if cell.metadata.get("editable", True)} == {
        f"ex-{name}" for name in graded.EXERCISES}
    assert (release / "images" / "dot.png").exists()


def test_links_lead_to_the_published_course_and_the_badge_is_gone(course):
    title = nbformat.read(course / "source" / "01_toy" / "01_toy.ipynb", as_version=4).cells[0].source
    address = re.search(r"\[next\]\((.*?)\)", title)[1]
    assert re.fullmatch(r"https://[^/]+/.+/blob/main/chapters/02_next\.ipynb", address)
    assert "[away](https://host/a)" in title and "badge" not in title and "![dot](images/dot.png)" in title


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All chapters in both languages."""
    return graded.everything("nbgrader", tmp_path_factory.mktemp("everything"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapter_is_valid_and_its_solutions_pass_its_checks(everything, name, language, capsys, monkeypatch):
    from nbgrader.nbgraderformat import MetadataValidator
    monkeypatch.setenv("LABKIT_GRADING", "1")
    notebook = nbformat.read(everything / language / "source" / name / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    course = nbformat.read(chapters_folder() / f"{name}.ipynb", as_version=4)
    kept = [cell.id for cell in course.cells if "solution" not in cell.metadata.get("tags", [])]
    assert [cell.id for cell in notebook.cells if not cell.metadata.nbgrader.grade] == kept
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert not any("solution_" in cell.source for cell in notebook.cells)

    names = {"lk": lk}
    exec("import math\nimport torch\nimport torch.nn.functional as F", names)
    points = 0
    for cell in notebook.cells:
        if cell.metadata.nbgrader.solution or cell.metadata.nbgrader.grade:
            exec(cell.source, names)
            points += cell.metadata.nbgrader.get("points", 0)
    numbers = [number for number in exercises() if number.split(".")[0] == str(int(name[:2]))]
    assert points == len(numbers) and capsys.readouterr().out.count("correct.") == len(numbers)

    texts = english(chapters_folder() / f"{name}.ipynb")
    assert any(re.search(r"[\u4e00-\u9fff]{4}", cell.source) and cell.source != texts[cell.id]
               for cell in notebook.cells if cell.cell_type == "markdown" and "text" in cell.id) == (language == "zh")


def test_a_real_chapter_gives_full_marks_to_right_answers_and_none_to_wrong_ones(tmp_path):
    """Chapter 9, executed whole by nbgrader as learners hand it in."""
    export("nbgrader", tmp_path, ["09"], language="en")
    graded.run("nbgrader", "generate_assignment", "09_faq", folder=tmp_path, state=tmp_path / "state")
    tests = str(chapters_folder().parent / "tests")
    numbers = {check.__name__: number for number, check in exercises().items() if number in RIGHT}
    for learner in ("RIGHT", "WRONG"):
        graded.answer(tmp_path / "release" / "09_faq" / "09_faq.ipynb",
                      tmp_path / "submitted" / learner / "09_faq" / "09_faq.ipynb",
                      {name: f"...\n\nimport sys\nsys.path.insert(0, {tests!r})\nfrom answers_ch09 import {learner}\n"
                             f"{name} = {learner}['{number}'][0]" for name, number in numbers.items()})
    graded.run("nbgrader", "autograde", "09_faq", folder=tmp_path, state=tmp_path / "state")
    assert list(marks(tmp_path, "09_faq", "RIGHT").values()) == [1.0] * len(RIGHT)
    assert list(marks(tmp_path, "09_faq", "WRONG").values()) == [0.0] * len(WRONG)
    executed = nbformat.read(tmp_path / "autograded" / "RIGHT" / "09_faq" / "09_faq.ipynb", as_version=4)
    assert not [cell.id for cell in executed.cells for output in cell.get("outputs", [])
                if output.output_type == "error"]
    assert not (tmp_path / "state").exists()


def test_what_is_there_is_kept(tmp_path, capsys):
    graded.chapter(tmp_path / "chapters")
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "nbgrader_config.py").write_text("mine")
    export("nbgrader", tmp_path / "course", chapters=tmp_path / "chapters")
    assert f"cd {tmp_path / 'course'} && nbgrader generate_assignment 01_toy" in capsys.readouterr().out
    assert (tmp_path / "course" / "nbgrader_config.py").read_text() == "mine"
    with pytest.raises(SettingError, match="a folder without source/01_toy/01_toy.ipynb"):
        export("nbgrader", tmp_path / "course", chapters=tmp_path / "chapters")
    compile(SETTINGS, "nbgrader_config.py", "exec")


@pytest.mark.parametrize("change", [
    lambda exercise, solution: exercise.update(source="lk.check.ch01.best_split(best_split)"),
    lambda exercise, solution: exercise.update(source=exercise.source.rpartition("\n")[0]),
    lambda exercise, solution: exercise.update(source=exercise.source + "\nprint(1)"),
    lambda exercise, solution: exercise.update(source=exercise.source.replace("(flops)", "(money)", 1)),
    lambda exercise, solution: exercise.update(source="def best_split(:\n    return ...\nlk.check.ch01.best_split(x)"),
    lambda exercise, solution: solution.metadata.update(tags=[]),
])
def test_an_exercise_that_leaves_the_frame_is_named_and_nothing_is_written(tmp_path, change):
    path = graded.chapter(tmp_path / "chapters")
    notebook = nbformat.read(path, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    change(cells["ex-best_split"], cells["ex-best_split-solution"])
    nbformat.write(notebook, path)
    with pytest.raises(SettingError, match="exercise = '01_toy:ex-best_split' cannot be used"):
        export("nbgrader", tmp_path / "course", chapters=tmp_path / "chapters")
    assert not (tmp_path / "course").exists()


def test_an_unknown_grader_or_language_is_refused(tmp_path):
    with pytest.raises(SettingError, match="Allowed: nbgrader, otter"):
        export("gradescope", tmp_path)
    with pytest.raises(SettingError, match="Allowed: en, zh"):
        export("nbgrader", tmp_path, language="fr")
