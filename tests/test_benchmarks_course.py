"""The bench of the whole course and of peers: what is timed, what is named, what is refused."""
import math
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

from benchmarks import course, growth, parts, peers
from benchmarks.peers import __main__ as command
from labkit import headless


@pytest.fixture
def slow_chapter(tmp_path):
    """A chapter 06 whose second cell takes the longest."""
    cells = [nbformat.v4.new_code_cell(f"import time; time.sleep({seconds})", id=f"cell-{seconds:g}".replace(".", "-"))
             for seconds in (0.05, 0.6, 0.3, 0)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "06_slow.ipynb")
    return tmp_path / "06_slow.ipynb"


def test_a_chapter_is_timed_with_its_slowest_cells(slow_chapter, monkeypatch):
    monkeypatch.setattr(headless, "find", lambda names: [slow_chapter])
    rows, raw = course.chapters(("06",))
    time_row, memory = rows
    assert time_row.name == "06_slow" and time_row.goal == 35 and 0.9 < time_row.median < 60
    assert [name for name, _seconds in raw["06_slow"]["slowest"]] == ["cell-0-6", "cell-0-3", "cell-0-05"]
    assert time_row.meaning.startswith("slowest cells: cell-0-6 ") and time_row.meaning.count(" s") == 3
    assert memory.unit == "MB" and memory.verdict == "met" and 10 < memory.median < 2000


def test_a_chapter_that_fails_is_not_timed(slow_chapter, monkeypatch):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), slow_chapter)
    monkeypatch.setattr(headless, "find", lambda names: [slow_chapter])
    with pytest.raises(RuntimeError, match="division by zero"):
        course.chapters(("06",))


def test_the_part_says_what_all_of_it_takes(monkeypatch):
    found = {"seconds": 200.0, "peak_memory": 1e9, "slowest": []}
    monkeypatch.setattr(course, "chapters", lambda names: ([], {"01": found, "02": found}))
    monkeypatch.setattr(course, "all_chapters", lambda names: 300.0)
    monkeypatch.setattr(course, "notebooks_test", lambda names: 361.0)
    monkeypatch.setattr(course, "first_curve", lambda: None)
    part, _raw = parts.whole_course(parts.QUICK)
    assert [(row.name, row.median, row.verdict) for row in part.rows] == [
        ("all of them", 300, "met"), ("notebooks' test", 361, "not met")]


def test_no_time_is_told_of_a_command_that_did_not_run_the_chapters():
    with pytest.raises(subprocess.CalledProcessError):
        course.all_chapters(("no such chapter",))


@pytest.fixture
def twice_as_fast(tmp_path, monkeypatch):
    """A peer that answers twice its batch size, from this very Python."""
    shutil.copy(Path(peers.__file__).with_name("answer.py"), tmp_path)
    (tmp_path / "fake.py").write_text("from answer import answer\nprint('a library talks')\n"
                                      "answer(lambda batch_size, images: images / batch_size / 2)\n")
    monkeypatch.setattr(command, "HERE", tmp_path)
    monkeypatch.setattr(command.Peer, "python", Path(sys.executable))
    monkeypatch.setitem(command.PEERS, "fake", command.Peer("fake", ("numpy",), "answers only"))


def test_a_peer_answers_from_a_process_of_its_own(twice_as_fast):
    with command.process("fake") as ask:
        assert ask(32, 640) == 64 and ask(128, 640) == 256


def test_a_peer_that_dies_is_named(twice_as_fast, tmp_path):
    (tmp_path / "fake.py").write_text("raise SystemExit(3)")
    with command.process("fake") as ask, pytest.raises((RuntimeError, BrokenPipeError)):
        ask(32, 640)


def test_run_is_compared_with_a_peer(twice_as_fast):
    part, raw = command.compare(["fake"], parts.QUICK)
    assert raw[32]["fake"] == [64] and raw[128]["fake"] == [256]
    rows = {row.name: row for row in part.rows}
    assert rows["Run / fake, batch 32"].median == pytest.approx(raw[32]["Run"][0] / 64)
    assert rows["fake, batch 32"].meaning.startswith("answers only; numpy ")


def test_an_unknown_peer_is_refused_before_anything_is_installed(capsys):
    with pytest.raises(SystemExit):
        command.main(["keras"])
    assert "peer = 'keras' cannot be used. Allowed: Keras on TensorFlow," in capsys.readouterr().err


@pytest.mark.parametrize("name", growth.QUANTITIES)
def test_each_quantity_is_timed_at_its_smallest_size(name):
    point = growth.measure_here(name, growth.QUANTITIES[name].sizes[0])
    assert point.size > 0 and point.seconds > 0 and point.memory >= 0
    sizes = growth.QUANTITIES[name].sizes
    assert list(sizes) == sorted(sizes) and len(sizes) == 5


def test_an_exponent_is_that_of_a_power():
    points = [growth.Point(size, 3e-6 * size ** 2, 5 * size) for size in (100, 1000)]
    assert growth.exponent(*points, "seconds") == pytest.approx(2)
    assert growth.exponent(*points, "memory") == pytest.approx(1)
    assert math.isnan(growth.exponent(growth.Point(1, 1, 0), growth.Point(10, 1, 5), "memory"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the peak since the start is known")
def test_the_memory_of_a_size_is_what_it_held_at_most():
    growth.held()
    torch.ones(50_000_000)      # 200 MB, free again at once; then a smaller one
    before = growth.held()
    torch.ones(10_000_000)
    assert 35e6 < growth.peak() - before < 60e6
