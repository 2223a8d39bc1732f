"""Every parameter of every chapter at its limits and beyond them; ten chapters at once; a run that is broken off."""
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import notebooks
import papermill
import psutil
import pytest
from promises import size

from labkit import execution, headless, settings
from labkit.settings import SettingError

CHAPTERS = headless.find()
LIMITS = {      # of words, what needs no network; of numbers, the ends between which a chapter still shows what it says
    "profile": settings.PROFILES, "seed": ("0", str(settings.LARGEST_SEED)), "price_per_hour": ("0.01", "1000000.0"),
    "budget": ("500", "100000"), "memory_gb": ("0.5", "640.0"), "images": ("50", "10800"),
    "dataset": ("fashion-mnist",), "learning_rate": ("0.0003", "0.003"), "batch_size": ("16", "512"),
    "ratings": ("generated",), "hours_a_week": ("1", "40")}
WRONG = {int: ("abc", "", "1.5", "1e3", "None", "true", "[1]", "inf"),
         float: ("abc", "", "None", "true", "[1]", "nan", "inf")}
WRONG_PROFILES = ("fast", "", "QUICK", None, 1, True, ["quick"])
WRONG_SEEDS = (-1, 2**31, 2**32, 10**30, 1.5, "abc", "1", None, True, [0])
each = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def refused(path: Path, name: str, text: str) -> bool:
    """Whether the value is refused in a sentence that begins with the parameter and the value."""
    with pytest.raises(SettingError, match="^" + re.escape(f"{name} = {text!r} cannot be used. Allowed: ")):
        headless.plan([path], "quick", [(name, text)])
    return True


@pytest.mark.promise
def test_each_parameter_of_each_chapter_at_its_limits(tmp_path, measured):
    """In full, each chapter is executed at the first limit of its parameters and at the largest seed too."""
    taken = turned_away = 0
    for path in CHAPTERS:
        for name, default in headless.parameters(path).items():
            for text in LIMITS[name]:
                planned = headless.plan([path], "quick", [(name, text)])[path][name]
                assert planned == type(default)(text) and type(planned) is type(default)
                taken += 1
            turned_away += sum(refused(path, name, text) for text in WRONG.get(type(default), ()))
        with pytest.raises(SettingError, match="Those are the parameters of"):
            headless.plan([path], "quick", [("seeds", "1")])
    executed = {path: {name: LIMITS[name][0] for name in headless.parameters(path) if name != "seed"}
                for path in size([], CHAPTERS)}

    def run(path):
        given = [word for pair in executed[path].items() for word in ("-p", *pair)]
        done = subprocess.run([sys.executable, "-m", "labkit.cli", "run", path.stem, *given, "-p", "seed", "2147483647",
                               "--out", str(tmp_path / path.stem)], text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
    with ThreadPoolExecutor(2) as pool:
        ended = len(list(pool.map(run, executed)))
    measured(f"{taken} values taken and {turned_away} refused; {ended} chapters executed at a limit of each parameter")


@pytest.mark.parametrize("name, text, allowed", [
    *(("seed", str(seed), "a whole number from 0 to 2147483647") for seed in (-1, 2**31, 2**32)),
    ("price_per_hour", "-1.0", "a number above 0"), ("price_per_hour", "0.0", "a number above 0")])
def test_what_no_chapter_takes_is_refused_before_anything_runs(tmp_path, name, text, allowed):
    with pytest.raises(SettingError, match=f"{name} = {text} cannot be used. Allowed: {allowed}"):
        headless.run(["01"], given=[(name, text)], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def set_up(path) -> str:
    """The code of a chapter's set-up cell, which follows its parameters."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata.tags and "lk.setup(profile, seed" in code[1].source
    return code[1].source


@each
@pytest.mark.parametrize("name, values", [("profile", WRONG_PROFILES), ("seed", WRONG_SEEDS)])
def test_the_set_up_cell_refuses_what_plain_papermill_passes_on(path, name, values):
    for value in values:
        given = {**headless.parameters(path), name: value}
        with pytest.raises(SettingError, match=f"^{name} = "):
            exec(set_up(path), given)


def test_plain_papermill_shows_the_refusal_and_leaves_the_notebook(tmp_path):
    """The kernel of this Python has no kernel spec of its own in every environment, so it is started as labkit does."""
    path, out = headless.find(["09"])[0], tmp_path / "new" / "out.ipynb"
    out.parent.mkdir()
    with pytest.raises(papermill.PapermillExecutionError, match="Allowed: quick, laptop, gpu"):
        papermill.execute_notebook(str(path), str(out), {"profile": "fast", "seeds": 1}, kernel_name="python3",
                                   kernel_manager_class=execution.ThisPython, cwd=str(path.parent), progress_bar=False)
    cells = nbformat.read(out, as_version=4).cells
    assert "An Exception was encountered" in cells[0].source
    assert [line for line in cells[3].source.splitlines() if " = " in line] == ['profile = "fast"', "seeds = 1"]


def test_an_output_folder_is_made_and_what_cannot_be_one_is_refused(tmp_path):
    notebook = notebooks.write(tmp_path / "in" / "01_short.ipynb", "print(1)")
    out = tmp_path / "not" / "yet" / "there"
    assert headless.run(out=out, folder=tmp_path / "in") == 0
    assert notebooks.printed(out / "01_short.ipynb") == "1\n"
    system = [Path("/proc"), Path("/proc/out")] if sys.platform == "linux" else []      # closed to root as well
    for wrong in (notebook, notebook / "below", *system):
        with pytest.raises(SettingError, match="--out"):
            headless.run(out=wrong, folder=tmp_path / "in")


def environment(tmp_path) -> dict[str, str]:
    """One cache, one state and one home folder for all that start with it."""
    own = {name: str(tmp_path / name.lower()) for name in ("LABKIT_DATA", "LABKIT_STATE", "IPYTHONDIR", "HOME",
                                                            "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")}
    return {**os.environ, **own, "LABKIT_LANGUAGE": "en"}


SHARES = """import labkit as lk
from labkit.progress import done
s = lk.setup(profile, seed)
data = lk.data.load("fashion-mnist").first(train=64).as_images(3, 32, 32)
run = lk.Run(lk.models.SmallCNN, data, lk.Recipe(epochs=1, seed=seed), threads=s.threads)
print(run.fit()["train_loss"].tolist())
for number in range(20):
    done(f"{dataset}.{number}")"""


@pytest.mark.promise
def test_ten_notebooks_at_once_in_one_cache(tmp_path, measured):
    """In full, first ten short ones that write down solved exercises, then the ten chapters."""
    shared, count = environment(tmp_path), size(3, 10)
    notebooks.write(tmp_path / "in" / "01_shares.ipynb", SHARES)
    short = ("import sys; from pathlib import Path; from labkit import headless; "
             "sys.exit(headless.run(given=[('dataset', sys.argv[1])], out=sys.argv[2], folder=Path(sys.argv[3])))")

    def start(name, *command):
        done = subprocess.run([sys.executable, *command], env=shared, text=True, capture_output=True)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout + done.stderr
        (row,) = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))["chapters"]
        return row["result"]
    names = [f"short{number}" for number in range(count)]
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda name: start(name, "-c", short, name, str(tmp_path / name), str(tmp_path / "in")),
                            names)) == {"passed"}
    assert len({notebooks.printed(tmp_path / name / "01_shares.ipynb") for name in names}) == 1, "the same losses"
    kept = json.loads((tmp_path / "labkit_state" / "progress.json").read_text(encoding="utf-8"))["solved"]
    assert len(kept) == 20 * count

    chapters = size([], [path.stem for path in CHAPTERS])
    with ThreadPoolExecutor(10) as pool:
        passed = list(pool.map(lambda name: start(name, "-m", "labkit.cli", "run", name, "--out", str(tmp_path / name)),
                               chapters))
    assert passed == ["passed"] * len(chapters)
    measured(f"{len(names)} short notebooks at once kept all of {len(kept)} solved exercises; {len(passed)} chapters "
             "at once passed")


BROKEN_OFF = """import asyncio, sys
from pathlib import Path
from labkit import execution, headless
at_once = execution.ThisPython.cleanup_resources
async def late(self, restart=False):        # as on a busy computer, where a kernel takes long to end
    await at_once(self, restart=restart)
    await asyncio.sleep(1.2)
execution.ThisPython.cleanup_resources = execution.ThisPython._async_cleanup_resources = late
sys.exit(headless.run(out=sys.argv[1], folder=Path(sys.argv[2])))"""


def broken_off(command: list[str], begun: Path, by: int, after: float) -> tuple[int, str, str]:
    """Send the signal to a command so many seconds after it has made the file; its exit code and what it said."""
    begun.unlink(missing_ok=True)
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not begun.exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(after)
        process.send_signal(by)
        shown, complaints = process.communicate(timeout=120)
        return process.returncode, shown, complaints
    finally:
        process.kill()


def ended(kernel: int) -> bool:
    """Whether the process is gone within some seconds: a kernel looks now and then whether it still has a parent."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(kernel).wait(20)
    return not psutil.pid_exists(kernel)


@pytest.fixture
def prints(tmp_path):
    """A notebook that prints for a minute, and the file in which it says who it is when that has begun."""
    begun = tmp_path / "begun"
    tell = f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))"
    much = "for number in range(30_000):\n    print(number, flush=True)\n    time.sleep(0.002)"
    sources = ("print('done')", f"{tell}\n{much}", "print('never')")
    return notebooks.write(tmp_path / "in" / "01_prints.ipynb", *sources), begun


@pytest.mark.promise
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_run_that_is_broken_off_at_any_moment_leaves_a_notebook_that_says_so(tmp_path, prints, measured):
    notebook, begun = prints
    draw, times = random.Random(0), size(3, 40)
    for time_ in range(times):
        out = tmp_path / f"out{time_}"
        code, shown, complaints = broken_off([sys.executable, "-c", BROKEN_OFF, str(out), str(notebook.parent)], begun,
                                             (signal.SIGTERM, signal.SIGINT)[time_ % 2], draw.uniform(0, 1.2))
        assert (code, complaints) == (130, "")
        assert "01_prints: interrupted in cell 4 (id cell-4)" in shown and str(out / notebook.name) in shown
        first, *cells = nbformat.read(out / notebook.name, as_version=4).cells
        assert first.source.startswith("**This run was broken off in cell 4 (id cell-4).")
        assert cells[-3].outputs[0].text == "done\n" and cells[-2].outputs and not cells[-1].outputs
        (row,) = json.loads((out / "summary.json").read_text(encoding="utf-8"))["chapters"]
        assert row["result"] == "interrupted" and ended(int(begun.read_text()))
    measured(f"{times} runs were broken off by SIGTERM or SIGINT, and {times} partial notebooks say where")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_plain_papermill_leaves_a_partial_notebook_too(tmp_path, prints):
    """It ends at once, and the cell that was running is marked as such in the notebook's metadata."""
    notebook, begun = prints
    out = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), str(out), "-k", "python3"]
    code, _shown, _complaints = broken_off(command, begun, signal.SIGTERM, 0.5)
    assert code == -signal.SIGTERM
    cells = nbformat.read(out, as_version=4).cells
    assert notebooks.printed(out).startswith("done\n")
    assert [cell.metadata.papermill.status for cell in cells][-3:] == ["completed", "running", "pending"]
    assert ended(int(begun.read_text()))
