"""Where the runs of a sweep are executed: workers of dask.distributed, on this computer or of a scheduler elsewhere."""
import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit import settings
from labkit.language import _
from labkit.settings import refuse
from labkit.side_by_side import jobs_for

if TYPE_CHECKING:
    from distributed import Client, Future, as_completed

LOOPBACK = "127.0.0.1"
ANSWER = 5              # seconds that a scheduler has to answer in
# A worker that has died is started anew. Where that takes longer than this, dask gives the worker up for good, and runs
# would wait for ever once all were given up; on a busy machine dask's own 15 s have been too short.
LOST = "1 day"
NO_WORKER = 300         # seconds without a single worker after which runs are given up
LOOK = 0.1              # seconds between two looks at what has ended


class SchedulerLost(Exception):
    """The scheduler has gone, and the runs it had with it."""


class WorkersLost(Exception):
    """The scheduler is there, and has had no worker for `NO_WORKER` seconds."""


def dask_setup(worker) -> None:
    """What dask calls in each worker of ours. A terminal sends Ctrl-C to them too, but it is the sweep that ends them.

    The signal is not ignored as such, since kernels would inherit that.
    """
    signal.signal(signal.SIGINT, lambda number, frame: None)


def worker_count(runs: int) -> int:
    """How many workers this computer has cores for, at LABKIT_THREADS each, and memory; no more than there are runs."""
    return jobs_for(runs, settings.threads() or 1)


async def _greet(address: str) -> None:
    """Shake hands with a scheduler. dask's client would wait for one that takes the call and says nothing, for ever."""
    from distributed.comm import connect
    greeted = await connect(address, timeout=ANSWER)
    await greeted.close()


@contextlib.contextmanager
def workers(address: str | None, runs: int) -> Iterator["Client"]:
    """A client of the scheduler at `address`, or of one on loopback with workers of its own, which end with the block.

    Raises `SettingError` where dask is not installed, and for a scheduler that does not answer, that has no worker, or
    whose workers would execute two runs in one process.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise settings.SettingError(_("labkit sweep needs one more package: {command}").format(
            command="python -m pip install distributed")) from error
    if address is None:
        with (dask.config.set({"distributed.deploy.lost-worker-timeout": LOST}),
              LocalCluster(n_workers=worker_count(runs), threads_per_worker=1, host=LOOPBACK, memory_limit=0,
                           dashboard_address=None, scheduler_kwargs={"dashboard_address": f"{LOOPBACK}:0"},
                           silence_logs="CRITICAL", preload=[__name__]) as cluster, Client(cluster) as client):
            yield client
        return
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)      # a lost scheduler is reported with its runs
    try:
        asyncio.run(asyncio.wait_for(_greet(address), ANSWER))
        client = Client(address, timeout=ANSWER)
    except (OSError, ValueError) as error:
        raise refuse("--scheduler", address, _("a scheduler that answers within {seconds} s").format(seconds=ANSWER),
                     str(error)) from error
    with client:
        if set(client.nthreads().values()) != {1}:
            raise refuse("--scheduler", address, _("a scheduler whose workers have one thread each"),
                         f"dask worker {address} --nthreads 1")
        yield client


def share(client: "Client", *paths: Path) -> None:
    """Raise `SettingError` if there is a worker that does not see one of `paths`."""
    for path in paths:
        for worker, seen in client.run(os.path.exists, str(path)).items():
            if not seen:
                raise refuse("--scheduler", client.scheduler.address,
                             _("workers that all reach {path}; {worker} does not").format(path=path, worker=worker))


def as_they_end(client: "Client", waiting: "as_completed") -> Iterator[tuple["Future", BaseException | None]]:
    """Each future of `waiting` as it ends, with what it has failed of, if it has.

    For want of a worker dask waits for ever; after `NO_WORKER` seconds all that have not ended have failed.
    """
    seen = asked = time.monotonic()
    while not waiting.is_empty():
        if waiting.has_ready():
            future = next(waiting)
            yield future, future.exception() if future.status in ("finished", "error") else _lost(client)
            continue
        time.sleep(LOOK)
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            with contextlib.suppress(OSError):      # a lost scheduler cancels its futures
                seen = time.monotonic() if client.nthreads() else seen
            if time.monotonic() - seen > NO_WORKER:
                client.cancel(list(waiting.futures))


def _lost(client: "Client") -> Exception:
    """Why a run that nobody has stopped was cancelled."""
    if client.status != "running":
        return SchedulerLost(_("the scheduler is gone"))
    return WorkersLost(_("there has been no worker for {seconds} s").format(seconds=NO_WORKER))
