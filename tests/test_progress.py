"""Progress: kept in one file, shown by chapter, and never in the way of a check."""
import importlib
import json

import pytest

import labkit as lk

progress = importlib.import_module("labkit.progress")       # lk.progress is the function


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "state"))
    progress._not_kept.cache_clear()
    return tmp_path / "state"


def test_importing_the_module_leaves_the_function_in_its_place():
    assert lk.progress is progress.progress
    with pytest.raises(AttributeError, match="offers"):
        _ = lk.nothing


def test_what_is_done_is_kept_with_its_first_day_and_shown(folder, capsys):
    progress.done("5.1")
    day = progress.solved()["5.1"]
    (folder / progress.FILE).write_text(json.dumps({"solved": {"5.1": "2020-02-02"}}))
    progress.done("5.1")
    progress.done("5.3")
    assert progress.solved() == {"5.1": "2020-02-02", "5.3": day}
    assert [path.name for path in folder.iterdir() if path.suffix != ".lock"] == [progress.FILE]
    lk.progress()
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Chapter 5: "))
    assert line.startswith("Chapter 5: 2 of ") and "5.1 ✓" in line and "5.2 ·" in line and "5.3 ✓" in line


def test_nothing_is_written_by_looking(folder, capsys):
    lk.progress()
    assert "Chapter 5: 0 of " in capsys.readouterr().out and not folder.exists()


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "file" / "state"))
    progress.done("5.1")
    progress.done("5.2")
    assert capsys.readouterr().out.count("progress is not kept") == 1
    lk.progress()
    assert "Chapter 5: 0 of " in capsys.readouterr().out


def test_an_interrupted_write_leaves_the_old_file(folder, monkeypatch):
    progress.done("5.1")

    def fail(self, target):
        raise OSError("disk full")
    monkeypatch.setattr("pathlib.Path.replace", fail)
    progress.done("5.2")
    assert list(progress.solved()) == ["5.1"] and not list(folder.glob("*.part"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"solved": 3}'])
def test_a_broken_file_is_kept_aside(folder, capsys, text):
    folder.mkdir()
    (folder / progress.FILE).write_text(text)
    progress.done("5.2")
    assert list(progress.solved()) == ["5.2"]
    assert (folder / "progress.broken.json").read_text() == text
    assert "progress.broken.json" in capsys.readouterr().out
