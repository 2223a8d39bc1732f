"""What `labkit export otter` writes, in the hands of otter-grader itself."""
import json
import re
from pathlib import Path

import graded
import nbformat
import pytest
from answers_ch09 import RIGHT, WRONG

import labkit as lk
from labkit.checks import exercises
from labkit.headless import find
from labkit.instructors.export import export
from labkit.settings import SettingError, chapters_folder

pytest.importorskip("otter")
CHAPTERS = [path.stem for path in find()]


def grade(folder: Path, name: str, bodies: dict[str, str], state: Path) -> dict[str, float]:
    """Hand in the learners' version with these bodies, and return otter's points for each question."""
    graded.answer(folder / "dist" / "student" / f"{name}.ipynb", folder / "ada.ipynb", bodies)
    autograder, = (folder / "dist" / "autograder").glob("*.zip")
    graded.run("otter", "run", "--no-logo", "-a", str(autograder), "ada.ipynb", folder=folder, state=state)
    tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
    return {test["name"]: test["score"] for test in tests if "score" in test}


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    """The toy chapter, assigned; otter has run its solutions and would have failed if one lost a point."""
    folder = tmp_path_factory.mktemp("otter")
    graded.chapter(folder / "chapters")
    export("otter", folder / "course", language="en", chapters=folder / "chapters")
    graded.run("otter", "assign", "01_toy.ipynb", "dist", folder=folder / "course" / "01_toy", state=folder / "state")
    return folder / "course" / "01_toy"


def test_a_right_answer_gets_its_points_whatever_it_writes_to_stderr_and_no_other_does(assignment):
    state = assignment.parents[1] / "state"
    assert grade(assignment, "01_toy", graded.handed_in(), state) == {
        name: float(found == "solved") for name, (_body, found) in graded.ANSWERS.items()}
    assert not state.exists()           # nobody's progress was written


def test_learners_get_stubs_no_solution_no_output_and_may_edit_their_answers_alone(assignment):
    student = assignment / "dist" / "student"
    notebook = nbformat.read(student / "01_toy.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    for name, (head, solution) in graded.EXERCISES.items():
        assert sources[f"ex-{name}"] == f"{head}\n    return ..."
        assert f'grader.check("{name}")' in sources.values()
        assert solution not in "\n".join(sources.values())
    assert sources["lesson"] == "lk.check.ch01.training_flops.reference(1, 1)"
    assert not any(cell.outputs or cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert {cell.id for cell in notebook.cells if cell.metadata.get("editable", True)} == {
        f"ex-{name}" for name in graded.EXERCISES}
    assert (student / "images" / "dot.png").exists()
    assert notebook.metadata.otter.assignment_name == "01_toy"


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All chapters in both languages."""
    return graded.everything("otter", tmp_path_factory.mktemp("everything"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_otter_reads_every_chapter_and_its_solutions_pass_its_tests(everything, tmp_path, name, language):
    from otter.assign.assignment import Assignment
    from otter.assign.notebook_transformer import NotebookTransformer
    from otter.assign.tests_manager import AssignmentTestsManager
    from otter.test_files.exception_test import ExceptionTestFile
    assignment = Assignment(require_valid_keys=True)
    assignment.master, assignment.lang = everything / language / name / f"{name}.ipynb", "python"
    source = nbformat.read(assignment.master, as_version=4)
    nbformat.validate(source)
    transformed = NotebookTransformer(assignment, AssignmentTestsManager(assignment)).transform_notebook(source)
    transformed.write_tests(tmp_path, include_hidden=True, force_files=True)
    transformed.write_transformed_nb(tmp_path / "student.ipynb", sanitize=True)

    course = nbformat.read(chapters_folder() / f"{name}.ipynb", as_version=4)
    learners = {cell.id: cell for cell in nbformat.read(tmp_path / "student.ipynb", as_version=4).cells}
    names = {"lk": lk}
    exec("import math\nimport torch\nimport torch.nn.functional as F", names)
    numbers = [number for number in exercises() if number.split(".")[0] == str(int(name[:2]))]
    assert len(list(tmp_path.glob("*.py"))) == len(numbers)
    assert assignment.name == name and all((assignment.master.parent / file).is_dir() for file in assignment.files)
    for cell in course.cells:
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            assert cell.id not in learners
        elif "exercise" in tags:
            stub, _break, check = cell.source.strip().rpartition("\n")
            assert learners[cell.id].source == stub.strip()
            exec(next(one.source for one in source.cells if one.id == cell.id), names)
            test = ExceptionTestFile.from_file(str(tmp_path / f"{re.search('[(]([a-z_]+)[)]$', check)[1]}.py"))
            for answer, passed in ((names, True), ({}, False)):
                test.run(answer)
                assert [result.passed for result in test.test_case_results] == [passed]
        else:
            assert cell.id in learners


def test_a_real_chapter_gives_points_to_right_answers_alone(tmp_path):
    """Chapter 9, executed whole by otter: every other answer is right."""
    export("otter", tmp_path / "course", ["09"], language="en")
    folder = tmp_path / "course" / "09_faq"
    graded.run("otter", "assign", "--no-run-tests", "09_faq.ipynb", "dist", folder=folder, state=tmp_path / "state")
    tests, bodies, right = str(chapters_folder().parent / "tests"), {}, {}
    for place, number in enumerate(RIGHT):
        name, kind = exercises()[number].__name__, ("RIGHT", "WRONG")[place % 2]
        bodies[name] = (f"...\n\nimport sys\nsys.path.insert(0, {tests!r})\nfrom answers_ch09 import {kind}\n"
                        f"{name} = {kind}['{number}'][0]")
        right[name] = float(kind == "RIGHT")
    assert WRONG.keys() == RIGHT.keys() and grade(folder, "09_faq", bodies, tmp_path / "state") == right


def test_what_is_there_is_kept(tmp_path, capsys):
    graded.chapter(tmp_path / "chapters")
    export("otter", tmp_path / "course", chapters=tmp_path / "chapters")
    assert f"cd {tmp_path / 'course' / '01_toy'} && otter assign 01_toy.ipynb dist" in capsys.readouterr().out
    with pytest.raises(SettingError, match="a folder without 01_toy/01_toy.ipynb"):
        export("otter", tmp_path / "course", chapters=tmp_path / "chapters")
