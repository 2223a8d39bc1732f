"""One chapter with many values at once: what `labkit sweep` does.

dask.distributed hands the runs to its workers: one for each core of this computer, or those of a scheduler that is
named. A run is one of `labkit.execution`, in a folder of its own. A worker that dies takes one try of a run with it;
the tries are counted by their folders, since a scheduler has its own count of what it begins again.
"""
import contextlib
import itertools
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from labkit import settings
from labkit.cluster import as_they_end, share, workers
from labkit.execution import Result, execute, termination_interrupts
from labkit.headless import explain, find, out_folder, plan
from labkit.language import _, language
from labkit.settings import refuse
from labkit.swept import Swept, draw, table, write

if TYPE_CHECKING:
    from distributed import Client, Future

TRIES = 2               # a run whose worker has died is begun once more
STOP = 10               # seconds that runs have to end in once their kernels are stopped

_begun: set[Path] = set()       # in a worker: the folders of the sweeps that it is executing a run of
_stopped: set[Path] = set()     # in a worker: the folders of those that have been interrupted


def axes(notebook: Path, profile: str, given: Sequence[tuple[str, str]], grid: Sequence[str]) -> dict[str, list]:
    """The values of each parameter of a grid of texts such as `seed=0,1,2`, in the types of the notebook's defaults.

    Raises `SettingError` as `headless.plan` does, and for another form, a value that is there twice, a parameter that
    is there twice or has its value from `given`, and a grid without any.
    """
    if not grid:
        raise refuse("--grid", "", _("NAME=VALUE,VALUE for each parameter that is to vary"))
    found: dict[str, list] = {}
    for text in grid:
        name, _equals, values = text.partition("=")
        texts = [value.strip() for value in values.split(",")]
        if not (name and all(texts)):
            raise refuse("--grid", text, _("NAME=VALUE,VALUE for each parameter that is to vary"))
        if name in found or name in dict(given):
            raise refuse("--grid", text, _("a parameter that has no value yet"))
        found[name] = [plan([notebook], profile, [*given, (name, value)])[notebook][name] for value in texts]
        if len(set(map(repr, found[name]))) < len(texts):
            raise refuse("--grid", text, _("values that differ"))
    return found


def attempt(folder: Path, notebook: Path, values: dict, variables: dict[str, str]) -> Result | None:
    """In a worker: execute one run and return how it went; None if as many workers as are allowed have died of it.

    The worker's own LABKIT_THREADS holds, and one thread where there is none: as many runs as cores go on beside it.
    """
    done = folder / "result.json"
    if done.exists():                   # its worker died between the end of the run and the answer
        return Result(**json.loads(done.read_text(encoding="utf-8")))
    before = tries(folder)
    if before:
        kill_processes(folder)
    if before == TRIES:
        return None
    place = folder / f"try-{before + 1}"
    place.mkdir(parents=True)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)   # what stopped a run is in its result
    _begun.add(folder.parent)
    try:
        result = execute(notebook, place / notebook.name, values, environment={
            "LABKIT_THREADS": str(settings.threads() or 1), "LABKIT_STATE": str(place / "state"), **variables})
    finally:
        _begun.discard(folder.parent)
    if folder.parent not in _stopped:
        fresh = done.with_suffix(".part")
        fresh.write_text(json.dumps(asdict(result)), encoding="utf-8")
        fresh.replace(done)
    return result


def tries(folder: Path) -> int:
    """How many times the run of that folder has begun."""
    return len(list(folder.glob("try-*")))


def kill_processes(folder: Path) -> None:
    """Kill the kernels, on this computer, of runs in `folder`, with what they have started: their state is in there.

    A kernel whose worker dies ends by itself within a second; what it has started does not.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):         # it has ended, or is somebody else's
            if Path(process.environ().get("LABKIT_STATE", "")).is_relative_to(folder):
                process.kill()


def stop(out: Path) -> bool:
    """In a worker: kill the kernels of the sweep in `out`. Returns whether a run of it has yet to end here."""
    _stopped.add(out)
    kill_processes(out)
    return out in _begun


def _failed(folder: Path, notebook: Path, error: BaseException | None) -> Result:
    """The result of a run that has none of its own: its workers or the scheduler have died, or a worker cannot run it.

    `error` is that of `as_they_end`; a run without one has been given up by `attempt`.
    """
    if error is None or type(error).__name__ == "KilledWorker":
        reason = {"name": "WorkerDied", "message": _("its worker died, {count} times").format(count=TRIES)}
    else:
        reason = {"name": type(error).__name__, "message": str(error)}
    return Result(notebook.stem, "failed", 0.0, 0, {}, str(folder / f"try-{tries(folder)}" / notebook.name), reason)


def execute_all(client: "Client", notebook: Path, out: Path, runs: dict[str, dict],
                on_end: Callable[[str, Result], None]) -> bool:
    """Execute `runs`, the values of each by the name of its folder in `out`, and call `on_end` as each ends.

    Returns False if Ctrl-C or SIGTERM came before all had ended: those that had not are stopped.
    """
    from distributed import KilledWorker, as_completed

    def submit(name: str) -> "Future":
        return client.submit(attempt, out / name, notebook, runs[name], {"LABKIT_LANGUAGE": language()}, pure=False)

    names = {submit(name): name for name in runs}
    try:
        waiting = as_completed(names)
        for future, error in as_they_end(client, waiting):
            name = names[future]
            if isinstance(error, KilledWorker) and tries(out / name) < TRIES:
                # dask holds a worker's deaths against the runs, too, that have only waited for it
                waiting.add(again := submit(name))
                names[again] = name
                continue
            result = future.result() if error is None else None
            on_end(name, result or _failed(out / name, notebook, error))
    except KeyboardInterrupt:
        client.cancel(list(names))
        deadline = time.monotonic() + STOP
        while any(_on_workers(client, stop, out)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return False
    _on_workers(client, kill_processes, out)
    return True


def _on_workers(client: "Client", function: Callable[[Path], object], out: Path) -> list:
    """What `function(out)` returns on the workers that answer; nothing where the scheduler is gone."""
    try:
        return list(client.run(function, out, on_error="ignore").values())
    except OSError:
        return []


def sweep(chapter: str, grid: Sequence[str], profile: str = "quick", given: Sequence[tuple[str, str]] = (),
          scheduler: str | None = None, out: str | Path | None = None, folder: Path | None = None) -> int:
    """Execute a chapter with each combination of the grid's values, print the table, and return the exit code.

    `grid` has texts such as `seed=0,1,2`; `chapter`, `profile`, `given` and `folder` are those of `headless.run`.
    `scheduler` is the address of one whose workers see the same folders. What is wrong is refused (`SettingError`)
    before anything runs. `out`, by default build/sweeps/<time>/ of the checkout, gets a folder for each run, and
    results.json, .csv and .png. A run whose worker dies is begun once more; one that fails is not, and keeps no other
    from running. Returns 0 if all passed, 1 if one failed, 130 if the sweep was interrupted.
    """
    notebook = find([chapter], folder)[0].resolve()
    values = axes(notebook, profile, given, grid)
    fixed = plan([notebook], profile, given)[notebook]
    out = out_folder(out, "sweeps")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise refuse("--out", str(out), _("a folder that is new or empty"))
    points = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    grid_of = {f"run-{number:0{len(str(len(points)))}}": point for number, point in enumerate(points, start=1)}
    ended: list[Swept] = []

    def on_end(name: str, result: Result) -> None:
        ended.append(Swept(name, grid_of[name], tries(out / name), result))
        write(ended, out, profile, dict(given), values)
        print(f"{len(ended)}/{len(points)}  {ended[-1]}", flush=True)
        if result.error is not None:
            print(explain(result), flush=True)

    with termination_interrupts(), workers(scheduler, len(points)) as client:
        out.mkdir(parents=True, exist_ok=True)
        share(client, notebook, out)
        print(_("{runs} runs of {chapter} on {workers} workers").format(
            runs=len(points), chapter=notebook.stem, workers=len(client.nthreads())), flush=True)
        complete = execute_all(client, notebook, out, {name: {**fixed, **point} for name, point in grid_of.items()},
                               on_end)
    if ended:
        draw(ended, out / "results.png", notebook.stem)
        print(f"\n{table(ended)}\n\n"
              + _("Executed notebooks, results.json, .csv and .png: {folder}").format(folder=out))
    if not complete:
        print(_("Interrupted: {ended} of {runs} runs have ended, and stay.").format(ended=len(ended), runs=len(points)))
        return 130
    return 1 if any(row.result.result == "failed" for row in ended) else 0
