"""Binder gives 2 GB: the limit that chapters are run under is one that stops a process, and leaves room for the server.

The chapters themselves run under it in test_chapters.py.
"""
import json
import sys

import limits
import pytest

needs_limits = pytest.mark.skipif(not limits.ways(), reason="this system keeps no limit of memory")
HOLD = "import sys; print(len(bytearray(int(sys.argv[1]))))"


@needs_limits
@pytest.mark.parametrize("way", limits.ways(), ids=lambda way: way.__name__)
def test_who_asks_for_more_is_stopped_and_who_does_not_is_not(way):
    def hold(size: float):
        return limits.run([sys.executable, "-c", HOLD, str(int(size))], int(200e6), way)
    within, beyond = hold(100e6), hold(400e6)
    assert (within.returncode, within.stdout) == (0, "100000000\n")
    assert beyond.returncode != 0 and beyond.stdout == ""


@needs_limits
def test_a_chapter_does_not_run_in_less_than_it_needs(tmp_path):
    """torch and the first cells of chapter 5 take more than 300 MB: the system ends the kernel, and it is said."""
    done = limits.run([sys.executable, "-m", "labkit.cli", "run", "05", "--out", str(tmp_path)], int(300e6))
    (chapter,) = json.loads((tmp_path / "summary.json").read_text())["chapters"]
    assert done.returncode == 1 and chapter["result"] == "failed"
    assert chapter["error"]["name"] == "DeadKernelError"


def test_jupyterlab_leaves_most_of_it(left_on_binder):
    assert 1.5e9 < left_on_binder < 2e9
