"""Several chapters at once: that they are, what each took, and what an end of one, or of all, leaves."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import notebooks
import psutil
import pytest

from labkit import cli, headless, settings, side_by_side

MEETS = """import time
from pathlib import Path
folder = Path({folder!r})
(folder / "{mine}").touch()
until = time.monotonic() + 120
while not (folder / "{other}").exists():
    assert time.monotonic() < until
    time.sleep(0.02)
print("met")"""


def summary(out: Path) -> list[dict]:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))["chapters"]


def test_two_chapters_run_at_once_and_each_has_its_own_memory_and_verdicts(tmp_path, capsys):
    large = "held = bytearray(400_000_000)\n" + MEETS.format(folder=str(tmp_path), mine="a", other="b")
    large += "\ntime.sleep(1)       # memory is looked at five times a second"
    notebooks.write(tmp_path / "in" / "01_large.ipynb", large)
    notebooks.write(tmp_path / "in" / "02_small.ipynb", MEETS.format(folder=str(tmp_path), mine="b", other="a"))
    notebooks.write(tmp_path / "in" / "03_fails.ipynb", "1 / 0")
    out = tmp_path / "out"
    assert headless.run(out=out, folder=tmp_path / "in", jobs=2) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("1/3 01_large\n2/3 02_small\n3/3 03_fails\n")
    assert "03_fails: failed in cell 3 (id cell-3)\n  ZeroDivisionError: division by zero\n" in shown
    assert [notebooks.printed(out / name) for name in ("01_large.ipynb", "02_small.ipynb")] == ["met\n", "met\n"]
    first, second, third = summary(out)
    assert [row["result"] for row in (first, second, third)] == ["passed", "passed", "failed"]
    assert first["peak_memory"] > second["peak_memory"] + 300e6 and second["peak_memory"] > 10e6


def test_a_chapter_whose_process_dies_has_failed_and_the_next_begins(tmp_path, capsys):
    kill = "import os, psutil, signal\npsutil.Process(os.getppid()).kill()\nimport time; time.sleep(60)"
    notebooks.write(tmp_path / "in" / "01_kills.ipynb", kill)
    notebooks.write(tmp_path / "in" / "02_next.ipynb", "print('next')")
    notebooks.write(tmp_path / "in" / "03_last.ipynb", "print('last')")
    assert headless.run(out=tmp_path / "out", folder=tmp_path / "in", jobs=2) == 1
    assert "01_kills: failed\n  ProcessDied: its process ended with exit code -9\n" in capsys.readouterr().out
    assert [row["result"] for row in summary(tmp_path / "out")] == ["failed", "passed", "passed"]


@pytest.mark.parametrize("by", ["Ctrl-C in a terminal", "SIGTERM"])
def test_a_run_that_is_broken_off_leaves_the_partial_notebook_of_each(tmp_path, by):
    flags = [tmp_path / "begun-1", tmp_path / "begun-2"]
    for number, flag in enumerate(flags, start=1):
        notebooks.write(tmp_path / "in" / f"0{number}_slow.ipynb", "import os; print('done', os.getpid())",
                        f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(300)")
    notebooks.write(tmp_path / "in" / "03_next.ipynb", "print('next')")
    script = (f"import sys; from pathlib import Path; from labkit import headless; sys.exit(headless.run("
              f"out={str(tmp_path / 'out')!r}, folder=Path({str(tmp_path / 'in')!r}), jobs=2))")
    process = subprocess.Popen([sys.executable, "-u", "-c", script], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        until = time.monotonic() + 120
        while not all(flag.exists() for flag in flags):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        if by == "SIGTERM":
            process.terminate()
        else:
            os.killpg(process.pid, signal.SIGINT)       # a terminal sends it to every process of the command
        shown, complaints = process.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, complaints
    assert "Traceback" not in complaints
    for number in (1, 2):
        assert f"0{number}_slow: interrupted in cell 4 (id cell-4)" in shown
        word, kernel = notebooks.printed(tmp_path / "out" / f"0{number}_slow.ipynb").split()
        assert word == "done" and not psutil.pid_exists(int(kernel))
    assert [row["result"] for row in summary(tmp_path / "out")] == ["interrupted"] * 2
    assert not (tmp_path / "out" / "03_next.ipynb").exists()


@pytest.mark.parametrize("cores, threads, memory, expected", [
    (8, 1, 100e9, 8), (8, 4, 100e9, 2), (8, 16, 100e9, 1), (64, 1, 100e9, 10), (8, 1, 5e9, 2), (8, 1, 1e9, 1)])
def test_as_many_jobs_as_cores_and_memory_allow(monkeypatch, cores, threads, memory, expected):
    monkeypatch.setattr(settings, "core_count", lambda: cores)
    monkeypatch.setattr(side_by_side, "memory_limit", lambda: memory)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1e12))
    assert side_by_side.jobs_for(10, threads) == expected


@pytest.mark.parametrize("profile, threads, expected", [
    ("quick", "", "at once 2"), ("quick", "2", "in turn"), ("laptop", "", "in turn"), ("laptop", "1", "at once 2")])
def test_without_a_number_chapters_share_the_cores_where_each_needs_one(tmp_path, monkeypatch, profile, threads,
                                                                         expected):
    for number in (1, 2):
        notebooks.write(tmp_path / "in" / f"0{number}_any.ipynb", "")
    chosen = []
    monkeypatch.setenv("LABKIT_THREADS", threads)
    monkeypatch.setattr(settings, "core_count", lambda: 2)
    monkeypatch.setattr(side_by_side, "memory_limit", lambda: 1e12)
    monkeypatch.setattr(headless, "in_turn", lambda tasks: chosen.append("in turn") or [])
    monkeypatch.setattr(headless, "at_once", lambda tasks, jobs: chosen.append(f"at once {jobs}") or [])
    headless.run(profile=profile, out=tmp_path / "out", folder=tmp_path / "in")
    assert chosen == [expected]


def test_a_number_of_jobs_below_one_is_refused_before_anything_runs(tmp_path, capsys):
    assert cli.main(["run", "05", "--jobs", "0", "--out", str(tmp_path / "out")]) == 2
    assert "--jobs = 0 cannot be used. Allowed: a whole number from 1 on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
