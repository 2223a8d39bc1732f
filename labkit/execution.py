"""One notebook executed by papermill with this very Python: how it went, what it took and what it judged."""
import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import papermill
import psutil
import traitlets
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from papermill.execute import ERROR_MARKER_TAG
from traitlets.config import Config

from labkit.language import _
from labkit.reported import reported


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs this, whatever `python3` kernels the user has installed.

    ipykernel passes on to the notebook what a cell writes to stderr; the rest, such as its protest at being
    interrupted, is dropped. `environment` is added to the variables of the kernel.
    """
    environment = traitlets.Dict().tag(config=True)

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    async def start_kernel(self, **options) -> None:
        environment = {**options.pop("env", os.environ), **self.environment}
        await super().start_kernel(stderr=subprocess.DEVNULL, env=environment, **options)


class ThisPythonAlone(ThisPython):
    """The same where one notebook runs at a time, so that all that waits in the process waits for its cell."""

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """Of a run that is broken off, what still waits for the cell is called back before the kernel is gone.

        It would call that a failure of the cell, in a traceback on stderr.
        """
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await super().shutdown_kernel(now=now, restart=restart)


@dataclass
class Result:
    """How one chapter went. Peak memory is the kernel's with its children, in bytes, sampled 5 times a second."""
    chapter: str
    result: str                     # passed, failed or interrupted
    seconds: float
    peak_memory: int
    claims: dict[str, int]          # verdict -> how many claims got it
    notebook: str                   # the executed notebook, up to where it stopped
    error: dict | None = None       # cell (position from 1), id, name, message
    reported: dict[str, float] = field(default_factory=dict)    # what the chapter gave to lk.report


@contextlib.contextmanager
def _peak_memory(every: float = 0.2) -> Iterator[list[int]]:
    """Yield a list whose one number is the most bytes that this process's new children have held together."""
    peak, done = [0], threading.Event()
    others = set(psutil.Process().children(recursive=True))     # what the caller had started before

    def held(process: psutil.Process) -> int:
        try:
            return process.memory_info().rss
        except psutil.NoSuchProcess:        # it ended between being listed and being asked
            return 0

    def sample():
        while not done.wait(every):
            peak[0] = max(peak[0], sum(map(held, {*psutil.Process().children(recursive=True)} - others)))
    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def verdicts(notebook: Path) -> dict[str, int]:
    """How many claims got each verdict, from the metadata of the outputs that show them."""
    if not notebook.exists():
        return {}
    cells = nbformat.read(notebook, as_version=4).cells
    shown = [output.metadata.labkit for cell in cells for output in cell.get("outputs", [])
             if "verdict" in output.get("metadata", {}).get("labkit", {})]
    return dict(Counter({claim.claim: claim.verdict for claim in shown}.values()))


def _literal(path: Path) -> str:
    """papermill formats the paths that it is given with the parameters; braces in a folder's name are not meant."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _mark(notebook: Path, at: dict) -> None:
    """Let a notebook that was broken off say so on top, as papermill does where a cell has failed."""
    if at and notebook.exists():
        contents = nbformat.read(notebook, as_version=4)
        text = _("**This run was broken off in cell {cell} (id {id}). The cells below it were not run.**").format(**at)
        contents.cells.insert(0, nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_MARKER_TAG]}))
        nbformat.write(contents, notebook)


def execute(notebook: Path, output: Path, values: dict, title: str = "",
            environment: dict[str, str] | None = None) -> Result:
    """Execute one notebook in its own folder, as JupyterLab does, and write it to `output` cell by cell.

    A terminal gets a bar that has `title`, and none without one. `environment` is added to the kernel's variables.
    """
    error, result, at = None, "passed", {}

    def remember(cell, cell_index):
        if "injected-parameters" not in cell.metadata.get("tags", []):
            at.update(cell=at.get("cell", 0) + 1, id=cell.get("id", ""))

    start = time.monotonic()
    with _peak_memory() as peak:
        try:
            papermill.execute_notebook(
                _literal(notebook), _literal(output), values, kernel_name="python3", language="python",
                cwd=notebook.parent.resolve(), kernel_manager_class=ThisPythonAlone, on_cell_start=remember,
                config=Config(ThisPython={"environment": environment or {}}),
                progress_bar={"desc": title, "leave": False, "disable": None if title else True})
        except papermill.PapermillExecutionError as stopped:
            result, error = "failed", {**at, "name": stopped.ename, "message": stopped.evalue}
        except RuntimeError as stopped:     # the kernel did not start, or died
            result, error = "failed", {**at, "name": type(stopped).__name__, "message": str(stopped)}
        except KeyboardInterrupt:
            result, error = "interrupted", {**at, "name": "KeyboardInterrupt", "message": ""}
            _mark(output, at)
    return Result(notebook.stem, result, round(time.monotonic() - start, 1), peak[0], verdicts(output),
                  str(output), error, reported(output))


@contextlib.contextmanager
def handled(number: signal.Signals, handler) -> Iterator[None]:
    """Let `handler` have the signal, and afterwards the handler that was there before."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def termination_interrupts() -> contextlib.AbstractContextManager:
    """Let SIGTERM do what Ctrl-C does, so that either leaves the partial notebook and the summary."""
    return handled(signal.SIGTERM, signal.default_int_handler)
