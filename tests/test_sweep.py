"""Sweeps on real workers: what is refused, what a dead worker costs, what Ctrl-C leaves; the table and the plot."""
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import notebooks
import psutil
import pytest

from labkit import cluster, headless, settings, side_by_side, sweep, swept
from labkit.execution import Result, execute
from labkit.reported import report, reported
from labkit.settings import SettingError

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

PARAMETERS = 'profile = "quick"\nseed = 0\nrate = 0.5\nend = "well"'
BEGIN = """import os, pathlib, signal, subprocess, time
import labkit as lk
place = pathlib.Path(os.environ["LABKIT_STATE"])
place.mkdir()
child = subprocess.Popen(["sleep", "300"])
(place / "processes").write_text(f"{os.getpid()} {child.pid}")"""
END = """first = place.parent.name == "try-1"
if end == "slowly":
    time.sleep(300)
if end == "killed" or end == "killed once" and first:
    os.kill(os.getppid(), signal.SIGKILL)       # the worker
    time.sleep(300)
child.kill()
assert end != "wrong"
lk.report(score=rate * 10 + seed)"""


@pytest.fixture
def chapters(tmp_path):
    notebooks.write(tmp_path / "chapters" / "05_toy.ipynb", BEGIN, END, parameters=PARAMETERS)
    return tmp_path / "chapters"


def processes(out: Path) -> list[int]:
    """Kernels of the sweep in `out`, and what they have started, that are alive."""
    numbers = [int(number) for file in out.glob("*/*/state/processes") for number in file.read_text().split()]
    return [number for number in numbers if psutil.pid_exists(number)
            and psutil.Process(number).status() != psutil.STATUS_ZOMBIE]


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)


@pytest.mark.parametrize("grid, message", [
    ([], "--grid = '' cannot be used. Allowed: NAME=VALUE,VALUE"),
    (["seed"], "--grid = 'seed' cannot be used"),
    (["seed="], "--grid = 'seed=' cannot be used"),
    (["=1"], "--grid = '=1' cannot be used"),
    (["seed=1,,2"], "--grid = 'seed=1,,2' cannot be used"),
    (["sead=1"], "parameter = 'sead' cannot be used. Allowed: profile, seed, rate, end."),
    (["seed=1,one"], "seed = 'one' cannot be used. Allowed: a whole number."),
    (["rate=1,nan"], "Allowed: a finite number."),
    (["profile=quick,fast"], "Allowed: quick, laptop, gpu."),
    (["rate=1e-3,0.001"], "--grid = 'rate=1e-3,0.001' cannot be used. Allowed: values that differ."),
    (["seed=1", "seed=2"], "--grid = 'seed=2' cannot be used. Allowed: a parameter that has no value yet."),
    (["end=well,badly"], "Allowed: a parameter that has no value yet."),
])
def test_a_grid_that_cannot_be_used_is_refused_before_anything_starts(chapters, tmp_path, grid, message):
    out = tmp_path / "out"
    with pytest.raises(SettingError) as refused:
        sweep.sweep("05", grid, given=[("end", "well")], out=out, folder=chapters)
    assert message in str(refused.value)
    assert not out.exists()


def test_values_take_the_types_of_their_defaults(chapters):
    assert sweep.axes(chapters / "05_toy.ipynb", "quick", [], ["rate=1e-3, 2", "seed=7", "end=5"]) == {
        "rate": [0.001, 2.0], "seed": [7], "end": ["5"]}


def test_the_issues_own_grid_suits_chapter_5():
    path, = headless.find(["05"])
    assert sweep.axes(path, "quick", [], ["learning_rate=1e-3,3e-3", "batch_size=32,128"]) == {
        "learning_rate": [0.001, 0.003], "batch_size": [32, 128]}


def test_a_folder_that_holds_something_is_refused(chapters, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(SettingError, match="a folder that is new or empty"):
        sweep.sweep("05", ["seed=1"], out=tmp_path / "out", folder=chapters)


def test_a_missing_package_is_named_with_the_command_that_installs_it(chapters, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingError, match="python -m pip install distributed$"):
        sweep.sweep("05", ["seed=1"], out=tmp_path / "out", folder=chapters)
    assert not (tmp_path / "out").exists()


@contextmanager
def silent():
    """The address of something that listens and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def closed():
    """An address where nothing listens."""
    with silent() as address:
        pass
    yield address


@contextmanager
def wrong():
    """No address."""
    yield "cluster://of stars"


@contextmanager
def scheduler_with(**workers):
    """The address of a scheduler in this process."""
    with distributed.LocalCluster(processes=False, host="127.0.0.1", protocol="tcp", memory_limit=0,
                                  dashboard_address=None, **workers) as here:
        yield here.scheduler_address


@pytest.mark.parametrize("address, allowed", [
    (silent(), "a scheduler that answers within 1 s"), (closed(), "a scheduler that answers within 1 s"),
    (wrong(), "a scheduler that answers within 1 s"),
    (scheduler_with(n_workers=0), "a scheduler whose workers have one thread each"),
    (scheduler_with(n_workers=1, threads_per_worker=2), "a scheduler whose workers have one thread each")],
    ids=["silent", "closed", "wrong", "no-worker", "two-threads"])
def test_a_scheduler_that_cannot_be_used_is_refused_in_seconds(chapters, tmp_path, monkeypatch, address, allowed):
    monkeypatch.setattr(cluster, "ANSWER", 1)
    with address as named:
        begun = time.monotonic()
        with pytest.raises(SettingError, match=f"--scheduler = '{re.escape(named)}' .* Allowed: {allowed}"):
            sweep.sweep("05", ["seed=1"], scheduler=named, out=tmp_path / "out", folder=chapters)
        assert time.monotonic() - begun < 10
    assert not (tmp_path / "out").exists()


def test_a_folder_that_a_worker_does_not_see_is_refused(tmp_path):
    with (scheduler_with(n_workers=1, threads_per_worker=1) as address, distributed.Client(address) as client,
          pytest.raises(SettingError, match=r"workers that all reach .*elsewhere; tcp://127.* does not")):
        cluster.share(client, tmp_path, tmp_path / "elsewhere")


def test_a_sweep_goes_on_where_a_worker_dies_and_where_a_cell_fails(chapters, tmp_path, capsys):
    out = tmp_path / "a sweep"
    with dask.config.set({"distributed.scheduler.allowed-failures": 0,      # dask itself begins nothing again
                          "distributed.deploy.lost-worker-timeout": 0}):    # as if a worker took long to be there anew
        code = sweep.sweep("05", ["end=well,killed once,killed,wrong", "rate=0.25"], given=[("seed", "3")], out=out,
                           folder=chapters)
    shown = capsys.readouterr().out
    assert code == 1
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["parameters"] == {"seed": "3"} and results["grid"]["rate"] == [0.25]
    runs = {run["grid"]["end"]: run for run in results["runs"]}
    assert {end: (run["result"], run["tries"], run["reported"]) for end, run in runs.items()} == {
        "well": ("passed", 1, {"score": 5.5}), "killed once": ("passed", 2, {"score": 5.5}),
        "killed": ("failed", 2, {}), "wrong": ("failed", 1, {})}
    assert runs["wrong"]["error"] == {"cell": 4, "id": "cell-4", "name": "AssertionError", "message": ""}
    assert runs["killed"]["error"]["name"] == "WorkerDied" and runs["killed"]["seconds"] is None
    assert runs["well"]["seconds"] > 0 and runs["well"]["peak_memory"] > 10e6
    assert [run["result"] for run in results["runs"]] == ["passed", "passed", "failed", "failed"]
    for run in runs.values():
        assert run["notebook"] == f"{run['run']}/try-{run['tries']}/05_toy.ipynb" and (out / run["notebook"]).exists()
    states = {file.parent for file in out.glob("*/*/state/processes")}
    assert len(states) == 6         # two of them begun again, and no two tries share one
    assert processes(out) == []

    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows] == ["5.5", "5.5", "", ""] and {row["rate"] for row in rows} == {"0.25"}
    assert (out / "results.png").read_bytes().startswith(b"\x89PNG")
    assert "4 runs of 05_toy on " in shown and "05_toy: failed in cell 4 (id cell-4)\n  AssertionError" in shown
    assert "05_toy: failed\n  WorkerDied: its worker died, 2 times" in shown
    assert re.search(r"^run-2 +killed once +0.25 +5.5 +[\d.]+ +\d+ MB +passed, retried$", shown, re.M)
    assert re.search(r"^run-3 +killed +0.25 +- +- +- +failed, retried$", shown, re.M)


@contextmanager
def started(folder):
    """A scheduler and a worker, each a process of its own, as somebody with several machines starts them."""
    environment = {**os.environ, "LABKIT_THREADS": "1"}
    address = folder / "scheduler.json"
    commands = (["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address)],
                ["worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-dashboard", "--memory-limit", "0",
                 "--local-directory", str(folder)])
    with (folder / "log").open("w") as log:
        both = {command[0]: subprocess.Popen([sys.executable, "-m", "dask", *command], stdout=log, stderr=log,
                                             env=environment) for command in commands}
        try:
            wait_until(lambda: address.exists() and address.read_text().endswith("}"))
            named = json.loads(address.read_text())["address"]
            with distributed.Client(named) as client:
                client.wait_for_workers(1, timeout=60)
            yield named, both
        finally:
            for process in reversed(both.values()):
                process.terminate()
                process.wait(timeout=30)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    with started(tmp_path_factory.mktemp("dask")) as (address, _both):
        yield address


def test_workers_of_a_named_scheduler_take_the_runs_and_stay(chapters, tmp_path, scheduler, capsys):
    code = sweep.sweep("05", ["end=killed,well"], scheduler=scheduler, out=tmp_path / "out", folder=chapters)
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert code == 1 and {run["grid"]["end"]: (run["result"], run["tries"]) for run in results["runs"]} == {
        "killed": ("failed", 2), "well": ("passed", 1)}
    assert "WorkerDied" in capsys.readouterr().out and processes(tmp_path / "out") == []
    with distributed.Client(scheduler) as client:
        client.wait_for_workers(1, timeout=60)


@pytest.mark.parametrize("what, name, said", [
    ("worker", "WorkersLost", "there has been no worker for 5 s"),
    ("scheduler", "SchedulerLost", "the scheduler is gone")])
def test_a_sweep_without_workers_ends_and_says_so(chapters, tmp_path, monkeypatch, capsys, what, name, said):
    monkeypatch.setattr(cluster, "NO_WORKER", 5)
    with started(tmp_path) as (address, processes_of), dask.config.set({"distributed.comm.timeouts.connect": "2s"}):
        begun = tmp_path / "out" / "run-1" / "try-1" / "state" / "processes"
        ending = threading.Thread(target=lambda: (wait_until(begun.exists), processes_of[what].kill()))
        ending.start()
        code = sweep.sweep("05", ["end=slowly,well"], scheduler=address, out=tmp_path / "out", folder=chapters)
        ending.join()
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert code == 1 and [run["error"] for run in results["runs"]] == [{"name": name, "message": said}] * 2
    assert f"{name}: {said}" in capsys.readouterr().out
    sweep.kill_processes(tmp_path / "out")      # what the kernel of a dead worker had started


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM, named scheduler"])
def test_a_sweep_that_is_broken_off_stops_its_kernels_and_keeps_what_has_ended(chapters, tmp_path, how, request):
    out = tmp_path / "out"
    address = request.getfixturevalue("scheduler") if "named" in how else None
    script = (f"import sys; from pathlib import Path; from labkit.sweep import sweep; sys.exit(sweep('05', ['end=well,"
              f"slowly'], out={str(out)!r}, scheduler={address!r}, folder=Path({str(chapters)!r})))")
    process = subprocess.Popen([sys.executable, "-u", "-c", script], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: (out / "results.csv").exists() and (out / "run-2/try-1/state/processes").exists())
    workers = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    listening = [socket.laddr.ip for one in [process.pid, *workers] for socket in psutil.Process(one).net_connections()
                 if socket.status == psutil.CONN_LISTEN]
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)       # a terminal sends it to the whole group
    else:
        process.terminate()
    shown, complaints = process.communicate(timeout=60)
    assert process.returncode == 130, complaints
    assert "Traceback" not in complaints
    assert "Interrupted: 1 of 2 runs have ended, and stay." in shown
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [run["reported"] for run in results["runs"]] == [{"score": 5}]
    assert [file.parent.name for file in out.glob("*/result.json")] == ["run-1"]
    wait_until(lambda: not processes(out), seconds=3)
    wait_until(lambda: not any(map(psutil.pid_exists, workers)), seconds=3)
    assert set(listening) <= {"127.0.0.1"} and (listening or address)


def test_a_run_that_has_ended_is_not_executed_again_and_one_with_two_tries_is_given_up(chapters, tmp_path):
    notebook, folder = chapters / "05_toy.ipynb", tmp_path / "run-1"
    for place in ("try-1", "try-2"):
        (folder / place).mkdir(parents=True)
    assert sweep.attempt(folder, notebook, {}, {}) is None
    result = Result("05_toy", "passed", 1.0, 2, {}, "", None, {"score": 1.5})
    (folder / "result.json").write_text(json.dumps(asdict(result)), encoding="utf-8")
    assert sweep.attempt(folder, notebook, {}, {}) == result


@pytest.mark.parametrize("threads, cores, runs, expected", [
    ("1", 8, 100, 8), ("4", 8, 100, 2), ("16", 8, 100, 1), ("1", 8, 3, 3), ("", 2, 100, 2)])
def test_as_many_workers_as_cores_allow(monkeypatch, threads, cores, runs, expected):
    monkeypatch.setenv("LABKIT_THREADS", threads)
    monkeypatch.setattr(settings, "core_count", lambda: cores)
    monkeypatch.setattr(side_by_side, "MEMORY", 1)
    assert cluster.worker_count(runs) == expected


def test_as_many_workers_as_memory_allows(monkeypatch):
    monkeypatch.setattr(settings, "core_count", lambda: 100)
    monkeypatch.setattr(side_by_side, "memory_limit", lambda: 1e9)
    monkeypatch.setattr(side_by_side, "MEMORY", 0.3e9)
    assert cluster.worker_count(100) == 3
    monkeypatch.setattr(side_by_side, "MEMORY", 3e9)
    assert cluster.worker_count(100) == 1


def row(name, seed, score=None, kind="a$b"):
    reported = {} if score is None else {"score": score}
    return swept.Swept(name, {"kind": kind, "seed": seed}, 1, Result(
        "05", "passed" if reported else "failed", 1.0, 5_000_000, {}, "", None, reported))


def test_the_table_has_the_largest_number_first_and_failures_last():
    lines = swept.table([row("run-3", 3, 0.25), row("run-1", 1), row("run-2", 2, 0.75)]).splitlines()
    assert [line.split() for line in lines] == [
        ["folder", "kind", "seed", "score", "seconds", "peak", "memory", "result"],
        ["run-2", "a$b", "2", "0.75", "1.0", "5", "MB", "passed"],
        ["run-3", "a$b", "3", "0.25", "1.0", "5", "MB", "passed"],
        ["run-1", "a$b", "1", "-", "1.0", "5", "MB", "failed"]]


def test_the_plot_has_a_line_for_each_point_and_a_stroke_at_the_mean_of_its_seeds(tmp_path):
    rows = [row("run-1", 0, 0.5), row("run-2", 1, 0.75), row("run-3", 0, 0.875, "c"), row("run-4", 1, None, "c")]
    axes, = swept.draw(rows, tmp_path / "plot.png", "05_toy").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["kind=c", r"kind=a\$b"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.875], [0.75, 0.5], [0.625]]
    assert axes.get_xlabel() == "score" and (tmp_path / "plot.png").stat().st_size > 1000


def test_the_plot_of_a_chapter_that_reports_nothing_has_the_seconds(tmp_path):
    axes, = swept.draw([row("run-1", 0), row("run-2", 1)], tmp_path / "plot.png", "05_toy").axes
    assert axes.get_xlabel() == "seconds" and list(axes.lines[0].get_xdata()) == [1.0, 1.0]


def test_reported_numbers_travel_in_the_notebook(tmp_path):
    path = notebooks.write(tmp_path / "in" / "01_reports.ipynb", "import labkit as lk\nlk.report(accuracy=0.1, n=7)",
                           "import numpy\nlk.report(accuracy=numpy.float32(0.5))")
    assert reported(path) == {} == reported(tmp_path / "none.ipynb")
    result = execute(path, tmp_path / "out.ipynb", {})
    assert result.reported == {"accuracy": 0.5, "n": 7} == reported(tmp_path / "out.ipynb")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "0.5", True, None])
def test_only_finite_numbers_are_reported(number):
    with pytest.raises(SettingError, match="accuracy = .* cannot be used. Allowed: a finite number"):
        report(accuracy=number)
