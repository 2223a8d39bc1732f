"""What a class has solved: from stored outputs in either language, by execution, and with notebooks that are broken."""
import contextlib
import csv
import io
import json
import os
import sys
from pathlib import Path

import graded
import nbformat
import pytest

import labkit as lk
from labkit import cli
from labkit.instructors import class_summary, execution, returned
from labkit.settings import SettingError

NUMBERS = {name: f"1.{place}" for place, name in enumerate(graded.EXERCISES, start=1)}
EXPECTED = {NUMBERS[name]: state for name, (_body, state) in graded.ANSWERS.items()}


@pytest.fixture
def toy(tmp_path):
    return graded.chapter(tmp_path / "chapters")


def executed(path: Path) -> nbformat.NotebookNode:
    """Store in a notebook what its cells print and raise, run here."""
    notebook, names = nbformat.read(path, as_version=4), {}
    for cell in returned.code(notebook):
        cell.outputs, shown = [], io.StringIO()
        with contextlib.redirect_stdout(shown):
            try:
                exec(cell.source, names)
            except AssertionError as error:
                cell.outputs.append(nbformat.v4.new_output("error", ename="AssertionError", evalue=str(error)))
        if shown.getvalue():
            cell.outputs.append(nbformat.v4.new_output("stream", text=shown.getvalue()))
    nbformat.write(notebook, path)
    return notebook


@pytest.mark.parametrize("language", ["en", "zh"])
def test_outputs_are_read_in_either_language_and_every_layout(toy, tmp_path, monkeypatch, capsys, language):
    monkeypatch.setenv("LABKIT_LANGUAGE", language)
    course = graded.answer(toy, tmp_path / "class" / "submitted" / "ada" / "01_toy" / "01_toy.ipynb",
                           graded.handed_in())
    executed(course)
    untouched = course.parents[2] / "bob.ipynb"             # flat, never run
    notebook = nbformat.read(toy, as_version=4)
    for cell in returned.code(notebook):
        cell.outputs = []
    notebook.cells = [cell for cell in notebook.cells if cell.id != "ex-best_split"]
    nbformat.write(notebook, untouched)
    checkpoint = course.parent / ".ipynb_checkpoints" / "01_toy.ipynb"
    checkpoint.parent.mkdir()
    checkpoint.write_text("{")

    monkeypatch.setenv("LABKIT_LANGUAGE", "en")
    assert class_summary.summarise(tmp_path / "class", to=tmp_path / "class.csv") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["learner", *EXPECTED, "solved"]
    assert shown[1].split() == ["ada", "✓", "✗", "·", "✓", "✗", "2", "of", "5"]
    assert shown[2].split() == ["bob", "?", "?", "?", "–", "?", "0", "of", "5"]
    assert shown[3].split() == ["solved", "by", "1", "0", "0", "1", "0"]
    with (tmp_path / "class.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["exercise"]: row["state"] for row in rows if row["learner"] == "ada"} == EXPECTED
    assert {row["name"] for row in rows} == set(graded.EXERCISES)
    assert rows[0]["notebook"] == "submitted/ada/01_toy/01_toy.ipynb" and rows[0]["chapter"] == "01"


@pytest.mark.parametrize("outputs, state", [
    ([], "not run"),
    ([("stream", {"text": "Exercise 1.1: correct.\n"})], "solved"),
    ([("stream", {"text": "Exercise 11.1: correct.\n"})], "not run"),
    ([("stream", {"text": "Exercise 1.1: correct.\n"}), ("error", {"ename": "SystemExit"})], "wrong"),
    ([("error", {"ename": "NameError", "evalue": "name 'f' is not defined"})], "wrong"),
    ([("error", {"ename": "AssertionError", "evalue": "Exercise 1.1: not attempted yet."})], "not attempted"),
    ([("execute_result", {"data": {"text/plain": "f - 1 result:\n AssertionError: Exercise 1.1: not correct yet."}})],
     "wrong"),                                                                      # otter's
])
def test_a_state_is_what_the_outputs_of_a_cell_say(outputs, state):
    assert returned.state("1.1", [nbformat.v4.new_output(kind, **parts) for kind, parts in outputs]) == state


def test_notebooks_of_both_graders_are_understood(toy, tmp_path):
    from labkit.instructors.export import export
    for tool, place in (("nbgrader", "source/01_toy/01_toy.ipynb"), ("otter", "01_toy/01_toy.ipynb")):
        export(tool, tmp_path / tool, chapters=toy.parent)
        notebook = returned.load(tmp_path / tool / place)
        if tool == "otter":     # the learners' version names the checks alone
            notebook.metadata["otter"] = {"assignment_name": "01_toy"}
            for cell in returned.code(notebook):
                if cell.source.startswith("def test_"):
                    cell.source = f'grader.check("{cell.id.removeprefix("ex-").removesuffix("-check")}")'
        assert returned.chapter_of(notebook) == "01"
        assert returned.by_outputs(notebook, "01") == dict.fromkeys(NUMBERS.values(), "not run")


def test_what_cannot_be_read_is_reported_and_stops_nothing(toy, tmp_path, capsys):
    folder = tmp_path / "class"
    graded.answer(toy, folder / "good" / "01.ipynb", {})
    broken = {"no_json": b'{"cells": [', "a_list": b"[]", "empty": b"", "binary": b"\x80\x00\xff", "number": b"7",
              "future": b'{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}',
              "no_cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
              "no_source": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
              "deep": b"[" * 100_000}
    for name, content in broken.items():
        (folder / f"{name}.ipynb").write_bytes(content)
    other = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (folder / "nothing.ipynb").write_text(json.dumps(other))
    old = {"cell_type": "code", "collapsed": False, "language": "python", "input": "lk.check.ch01.old_name(old_name)",
           "metadata": {}, "outputs": [{"output_type": "stream", "stream": "stdout", "text": "Exercise 1.1: correct."}]}
    (folder / "old.ipynb").write_text(json.dumps(
        {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [old]}]}))

    assert class_summary.summarise(folder, to=tmp_path / "class.csv") == 1
    shown = capsys.readouterr().out
    for name in broken:
        assert f"{name}.ipynb: cannot be read as a notebook: " in shown, name
    assert "nothing.ipynb: no exercise of the course is in it" in shown
    assert "old.ipynb: this version of the course has no check old_name" in shown
    with (tmp_path / "class.csv").open(encoding="utf-8-sig", newline="") as file:
        states = {(row["learner"], row["state"]) for row in csv.DictReader(file)}
    assert states == {(name, "unreadable") for name in (*broken, "nothing")} | {("old", "missing"), ("good", "not run")}


@pytest.fixture
def forged(toy, tmp_path):
    """A class whose first learner's outputs say that all is right; two more, whose code ends the kernel or is right."""
    folder = tmp_path / "class"
    bodies = graded.handed_in() | {"days_and_money": "held = bytearray(6_000_000_000)\n    del held\n    " +
                                   graded.EXERCISES["days_and_money"][1]}
    notebook = nbformat.read(graded.answer(toy, folder / "ada" / "01_toy.ipynb", bodies), as_version=4)
    for cell in returned.code(notebook):
        cell.outputs = [nbformat.v4.new_output("stream", text=f"Exercise {number}: correct.\n")
                        for name, number in NUMBERS.items() if cell.id == f"ex-{name}"]
    notebook.cells.insert(0, nbformat.v4.new_code_cell("open('left behind', 'w').write('x'); shared = 1"))
    nbformat.write(notebook, folder / "ada" / "01_toy.ipynb")
    last = nbformat.read(graded.answer(toy, folder / "cid" / "01_toy.ipynb", {}), as_version=4)
    last.cells.insert(0, nbformat.v4.new_code_cell("assert 'shared' not in globals(); import os; os._exit(1)"))
    nbformat.write(last, folder / "cid" / "01_toy.ipynb")
    return folder


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit a process's memory")
def test_executing_believes_no_output_and_leaves_nothing_behind(forged, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["class", str(forged)]) == 0
    assert "5 of 5" in capsys.readouterr().out              # what the outputs say

    assert cli.main(["class", str(forged), "--execute", "--memory", "5"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[:2] == ["1/2 ada/01_toy.ipynb", "2/2 cid/01_toy.ipynb"]
    assert [line.split()[:6] for line in shown.splitlines() if line.startswith("ada ")] == [
        ["ada", "✓", "✗", "✗", "✓", "✗"]]                   # the third would hold 6 GB
    assert [line.split()[:6] for line in shown.splitlines() if line.startswith("cid ")] == [["cid", *"?????"]]
    assert "cid/01_toy.ipynb: the kernel died" in shown
    assert sorted(tmp_path.rglob("*")) == before and not Path(os.environ["LABKIT_STATE"]).exists()


def test_an_endless_loop_is_interrupted_and_the_next_cell_runs(monkeypatch):
    monkeypatch.setattr(execution, "CELLS", 60)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (
        "while True:\n    pass", "print('went on')")])
    states, note = execution.by_execution(notebook, "01", seconds=2, memory=8)
    loop, last = notebook.cells[-2:]
    assert note == "" and returned.state("1.1", loop.outputs) == "wrong" and last.outputs[0].text == "went on\n"


def test_what_cannot_be_interrupted_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "CELLS", 2)
    stubborn = "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt:\n        pass"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (
        stubborn, "lk.check.ch01.best_split(best_split)")])
    states, note = execution.by_execution(notebook, "01", seconds=2, memory=8)
    assert states["1.4"] == "not run" and states["1.1"] == "missing" and note == "stopped after 4 s"


def test_a_grader_can_ask_for_a_failure_and_keeps_no_progress(capsys):
    with pytest.raises(AssertionError, match="not attempted yet"):
        lk.check.ch01.best_split(..., graded=True)
    lk.check.ch01.best_split(lk.check.ch01.best_split.reference, graded=True)
    assert capsys.readouterr().out.endswith("Exercise 1.4: correct.\n")
    assert not Path(os.environ["LABKIT_STATE"]).exists()


@pytest.mark.parametrize("arguments, message", [
    (["nowhere"], "a folder with notebooks"), ([".", "--seconds", "0"], "--seconds = 0.0 cannot be used"),
    ([".", "--memory", "nan"], "Allowed: a number above 0"),
])
def test_what_is_refused_is_named(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["class", *arguments]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(SettingError):
        class_summary.summarise(tmp_path)


def test_the_help_says_what_executing_means(capsys):
    with pytest.raises(SystemExit):
        cli.main(["class", "--help"])
    assert "RUNS THE LEARNERS' CODE" in " ".join(capsys.readouterr().out.split())
