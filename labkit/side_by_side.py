"""Notebooks executed one after the other, or several at once: the results, as they come.

Each of several has a process of its own, since papermill changes its process's folder while it reads a notebook, and
since what a process's children hold is then what one notebook took.
"""
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil

from labkit import settings
from labkit.doctor import MEMORY, memory_limit
from labkit.execution import Result, execute, handled
from labkit.language import _


@dataclass(frozen=True)
class Task:
    """A notebook to execute, the file that it is written to, the values of its parameters, and a title to print."""
    notebook: Path
    output: Path
    values: dict
    title: str


def jobs_for(tasks: int, threads: int) -> int:
    """As many notebooks at once as there are cores, at so many threads each, and memory for; no more than `tasks`."""
    free = min(psutil.virtual_memory().available, memory_limit())
    return max(1, min(tasks, settings.core_count() // threads, int(free // MEMORY)))


def in_turn(tasks: Sequence[Task]) -> Iterator[Result]:
    """Execute one after the other in this process; a terminal gets a bar for each. An interrupted one is the last."""
    for task in tasks:
        if not sys.stderr.isatty():     # where no bar can be drawn, a line says what is going on
            print(task.title, flush=True)
        result = execute(task.notebook, task.output, task.values, task.title)
        yield result
        if result.result == "interrupted":
            return


def at_once(tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """Execute so many at once, begun in this order; results come in the order in which they end.

    Ctrl-C, or SIGTERM where `termination_interrupts` holds, interrupts all that are running, and they are the last.
    """
    waiting, running = list(tasks), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                print(waiting[0].title, flush=True)
                running |= _start(waiting.pop(0))
            for connection in wait(list(running)):
                yield _result(connection, *running.pop(connection))
    except KeyboardInterrupt:
        for process, _task in running.values():
            process.terminate()
        while running:
            connection, (process, task) = running.popitem()
            yield _result(connection, process, task, interrupted=True)
    finally:
        for process, _task in running.values():
            process.terminate()


def _start(task: Task) -> dict:
    """A process that executes the task, by the connection over which its result will come."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_execute, args=(theirs, task), daemon=True)
    # Until it is ready it ignores Ctrl-C, which a terminal sends to every process of the command.
    with handled(signal.SIGINT, signal.SIG_IGN):
        process.start()
    theirs.close()
    return {ours: (process, task)}


def _execute(connection: Connection, task: Task) -> None:
    """In a process of its own: execute the task and send its result. Only SIGTERM interrupts it.

    Ctrl-C is not ignored as such from now on, since the kernel would inherit that.
    """
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    connection.send(execute(task.notebook, task.output, task.values))


def _result(connection: Connection, process, task: Task, interrupted: bool = False) -> Result:
    """What the process has sent; where it has ended without that, a result that says so."""
    try:
        return connection.recv()
    except EOFError:
        process.join()
        name, said = ("KeyboardInterrupt", "") if interrupted else (
            "ProcessDied", _("its process ended with exit code {code}").format(code=process.exitcode))
        return Result(task.notebook.stem, "interrupted" if interrupted else "failed", 0.0, 0, {}, str(task.output),
                      {"name": name, "message": said})
    finally:
        connection.close()
