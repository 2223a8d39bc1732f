"""Chapters run headless: what is refused before, what is written, and what a failure leaves."""
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time

import notebooks
import pytest

from labkit import execution, headless
from labkit.settings import SettingError

JUDGE = ("from IPython.display import display\n"
         "for claim, verdict in (('C1.1', 'holds'), ('C1.2', 'does not hold'), ('C1.3', 'holds')):\n"
         "    display({'text/plain': claim}, raw=True, metadata={'labkit': {'claim': claim, 'verdict': verdict}})")


@pytest.fixture
def chapters(tmp_path):
    folder = tmp_path / "the chapters"          # a space, as a learner's folder may have
    notebooks.write(folder / "01_first.ipynb", "import os, sys\n"
                    "print(profile, dataset, seed + 1, sys.executable, os.getcwd())", JUDGE)
    notebooks.write(folder / "02_fails.ipynb", "print('before')", "1 / 0", "print('never')")
    notebooks.write(folder / "10_last.ipynb", "print(rate * 2, not fast, sizes)")
    return folder


@pytest.mark.parametrize("names, found", [
    (["02"], ["02_fails"]), (["2"], ["02_fails"]), (["10", "01_first"], ["10_last", "01_first"]),
    (["10_last.ipynb", "10"], ["10_last"]), ([], ["01_first", "02_fails", "10_last"])])
def test_chapters_are_found_by_number_or_name(chapters, names, found):
    assert [path.stem for path in headless.find(names, chapters)] == found


@pytest.mark.parametrize("arguments, message", [
    (dict(names=["7"]), "chapter = '7' cannot be used. Allowed: 01_first, 02_fails, 10_last"),
    (dict(names=[""]), "Allowed: 01_first, 02_fails, 10_last"),
    (dict(profile="fast"), "profile = 'fast' cannot be used. Allowed: quick, laptop, gpu"),
    (dict(given=[("profile", "fast")]), "Allowed: quick, laptop, gpu"),
    (dict(given=[("datset", "cifar10")]), "parameter = 'datset' cannot be used. Allowed: profile, seed, rate, fast, "
                                          "sizes, dataset. Those are the parameters of 01_first."),
    (dict(given=[("seed", "one")]), "seed = 'one' cannot be used. Allowed: a whole number. The default is 0."),
    (dict(given=[("seed", "0.5")]), "Allowed: a whole number"),
    (dict(given=[("rate", "fast")]), "Allowed: a finite number"),
    (dict(given=[("rate", "nan")]), "Allowed: a finite number"),
    (dict(given=[("fast", "maybe")]), "Allowed: true, false"),
    (dict(given=[("sizes", "1, 2")]), "Allowed: a literal of type list"),
    (dict(given=[("sizes", "[1")]), "Allowed: a Python literal"),
])
def test_what_cannot_be_used_is_refused_before_anything_runs(chapters, tmp_path, arguments, message):
    out = tmp_path / "out"
    with pytest.raises(SettingError) as refused:
        headless.run(**arguments, out=out, folder=chapters)
    assert message in str(refused.value)
    assert not out.exists()


def test_a_name_must_exist_in_every_chosen_chapter(chapters, tmp_path):
    notebooks.write(chapters / "03_plain.ipynb", "print(1)", parameters='profile = "quick"')
    with pytest.raises(SettingError, match="Allowed: profile. Those are the parameters of 03_plain"):
        headless.run(["01", "03"], given=[("seed", "1")], out=tmp_path / "out", folder=chapters)


def test_out_may_not_be_the_chapters_themselves(chapters):
    before = (chapters / "01_first.ipynb").read_bytes()
    with pytest.raises(SettingError, match="--out"):
        headless.run(["01"], out=chapters, folder=chapters)
    assert (chapters / "01_first.ipynb").read_bytes() == before


def test_a_folder_without_notebooks_is_named(tmp_path):
    with pytest.raises(SettingError, match="a folder with notebooks"):
        headless.find([], tmp_path)


def test_a_notebook_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "01_broken.ipynb").write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(SettingError, match="01_broken"):
        headless.run(out=tmp_path / "out", folder=tmp_path)


def test_each_value_takes_the_type_of_its_default():
    assert headless.convert("seed", "-3", 0) == -3
    assert headless.convert("rate", "1e-3", 0.1) == 0.001
    assert headless.convert("fast", "False", True) is False
    assert headless.convert("dataset", "10", "x") == "10"
    assert headless.convert("sizes", "[3]", [1]) == [3]
    assert headless.convert("limit", "5", None) == 5


def test_run_passes_parameters_and_goes_on_after_a_failure(chapters, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out{1}"               # papermill would take the braces for a parameter
    code = headless.run(profile="laptop", given=[("dataset", "衣服"), ("seed", "4")], out=out, folder=chapters)
    shown = capsys.readouterr().out
    assert code == 1

    first = notebooks.printed(out / "01_first.ipynb")
    assert first.split(maxsplit=4) == ["laptop", "衣服", "5", sys.executable, f"{chapters}\n"]
    assert notebooks.printed(out / "02_fails.ipynb") == "before\n"
    assert notebooks.printed(out / "10_last.ipynb") == "0.2 False [1, 2]\n"

    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["profile"] == "laptop" and summary["parameters"] == {"dataset": "衣服", "seed": "4"}
    results = {row["chapter"]: row for row in summary["chapters"]}
    assert [row["result"] for row in summary["chapters"]] == ["passed", "failed", "passed"]
    assert results["01_first"]["claims"] == {"holds": 2, "does not hold": 1}
    assert results["01_first"]["seconds"] > 0 and results["01_first"]["peak_memory"] > 10e6
    assert results["02_fails"]["error"] == {"cell": 4, "id": "cell-4", "name": "ZeroDivisionError",
                                            "message": "division by zero"}
    assert "02_fails: failed in cell 4 (id cell-4)\n  ZeroDivisionError: division by zero\n" in shown
    assert str(out / "02_fails.ipynb") in shown
    assert "2 holds, 1 does not hold" in shown
    assert not list(chapters.glob("*.part")) and notebooks.printed(chapters / "01_first.ipynb") == ""


def test_a_kernel_that_dies_is_a_failure_of_its_chapter(tmp_path, capsys):
    notebooks.write(tmp_path / "in" / "01_dies.ipynb", "import os; os._exit(1)")
    assert headless.run(out=tmp_path / "out", folder=tmp_path / "in") == 1
    assert "01_dies: failed in cell 3 (id cell-3)\n  DeadKernelError" in capsys.readouterr().out


def test_peak_memory_counts_what_a_new_child_holds():
    hold = "import time; held = bytearray({}); print(flush=True); time.sleep({})"
    with subprocess.Popen([sys.executable, "-c", hold.format(500_000_000, 60)], stdout=subprocess.PIPE) as other:
        other.stdout.readline()     # it holds them now, and counts for nobody who begins later
        with execution._peak_memory(every=0.02) as peak:
            subprocess.run([sys.executable, "-c", hold.format(200_000_000, 0.5)], check=True)
        other.kill()
    assert 200e6 < peak[0] < 400e6


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_broken_off_leaves_the_partial_notebook(tmp_path, by):
    flag = tmp_path / "begun"
    notebooks.write(tmp_path / "in" / "01_slow.ipynb", "print('done')",
                    f"import pathlib, time; pathlib.Path({str(flag)!r}).touch(); time.sleep(60)")
    notebooks.write(tmp_path / "in" / "02_next.ipynb", "print('next')")
    script = f"import sys; from pathlib import Path; from labkit import headless; sys.exit(headless.run(" \
             f"out={str(tmp_path / 'out')!r}, folder=Path({str(tmp_path / 'in')!r}), jobs=1))"
    process = subprocess.Popen([sys.executable, "-u", "-c", script], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120       # on a busy computer
    while not flag.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(by)
    shown, complaints = process.communicate(timeout=120)
    assert process.returncode == 130, complaints
    assert "01_slow: interrupted in cell 4 (id cell-4)" in shown and str(tmp_path / "out" / "01_slow.ipynb") in shown
    assert "Traceback" not in complaints
    assert notebooks.printed(tmp_path / "out" / "01_slow.ipynb") == "done\n"
    assert not (tmp_path / "out" / "02_next.ipynb").exists()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert [row["result"] for row in summary["chapters"]] == ["interrupted"]


def test_a_terminal_gets_a_bar_of_chapters_and_cells(chapters, tmp_path):
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))     # not on Windows
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    script = f"from pathlib import Path; from labkit import headless; headless.run(['1', '10'], " \
             f"out={str(tmp_path / 'out')!r}, folder=Path({str(chapters)!r}), jobs=1)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):      # Linux says so when the other side has closed
        while part := os.read(ours, 4096):
            drawn += part
    os.close(ours)
    assert b"1/2 01_first:" in drawn and b"2/2 10_last:" in drawn and b"/5 [" in drawn
    assert "1/2" not in process.communicate()[0]


def test_the_table_stays_in_line_with_chinese(monkeypatch):
    monkeypatch.setattr(headless, "_", lambda message: {"chapter": "章节", "passed": "通过"}.get(message, message))
    rows = headless.table([execution.Result("01", "passed", 1.25, 50_000_000, {}, "")]).splitlines()
    assert rows == ["章节  seconds  peak memory  claims  result", "01    1.2      50 MB        -       通过"]
