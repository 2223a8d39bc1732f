"""Running a learner's notebook for its checks alone: a kernel and a folder of its own, limits on time and memory.

This is no sandbox: the code may read and write whatever the account that runs it may.
"""
import asyncio
import importlib.util
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from labkit.execution import ThisPython
from labkit.instructors.returned import STATES, checks_in, numbers, state
from labkit.language import _

CELLS = 10          # how many times the limit of one cell a whole notebook may take
LIMIT = """import resource
resource.setrlimit(resource.RLIMIT_DATA, ({bytes}, {bytes}))"""
CHECK = """import labkit
labkit.check.ch{chapter}.{name}({name}, graded=True)"""


def by_execution(notebook: nbformat.NotebookNode, chapter: str, seconds: float, memory: float
                 ) -> tuple[dict[str, str], str]:
    """Execute the notebook; return what the checks say of each exercise of the chapter, and a note.

    After each cell that calls a check, the check is called once more by a cell of ours, and only this counts. A
    cell is interrupted after `seconds`, the kernel ended after ten times as long. A process may hold `memory` GB,
    where the system can limit it (Linux). The notebook is changed in place; its exercises that were not reached
    are `not run`, those without a check `missing`.
    """
    asked: dict[str, list] = {number: [] for number in numbers(chapter).values()}
    cells = [nbformat.v4.new_code_cell(LIMIT.format(bytes=int(memory * 1e9)))] if _limited() else []
    for cell in notebook.cells:
        cells.append(cell)
        called = checks_in(cell, chapter) if cell.cell_type == "code" else set()
        for name, number in numbers(chapter).items():
            if name in called:
                cells.append(nbformat.v4.new_code_cell(CHECK.format(chapter=chapter, name=name)))
                asked[number].append(cells[-1])
    notebook.cells = cells
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs = []
    with TemporaryDirectory(prefix="labkit-") as folder:
        note = _run(notebook, Path(folder), seconds)
    return {number: min((state(number, cell.outputs) for cell in found), key=STATES.index, default="missing")
            for number, found in asked.items()}, note


def _run(notebook: nbformat.NotebookNode, folder: Path, seconds: float) -> str:
    """Execute the notebook in `folder`, errors and all; return what stopped it, or nothing."""
    def keep_error(cell, cell_index, execute_reply):    # a cell that was cut short may have no output that says so
        reply = execute_reply["content"]
        if reply["status"] == "error" and not any(output.output_type == "error" for output in cell.outputs):
            cell.outputs.append(nbformat.v4.new_output("error", ename=reply["ename"], evalue=reply["evalue"]))
    for name in ("work", "temporary"):
        (folder / name).mkdir()
    environment = {**os.environ, "LABKIT_LANGUAGE": "en", "LABKIT_STATE": str(folder / "state"),
                   "IPYTHONDIR": str(folder / "ipython"), "TMPDIR": str(folder / "temporary")}
    environment.pop("LABKIT_GRADING", None)             # the learner's own calls end as they did for the learner
    client = NotebookClient(
        notebook, kernel_manager_class=ThisPython, timeout=seconds, interrupt_on_timeout=True, allow_errors=True,
        error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []}, on_cell_executed=keep_error,
        record_timing=False, store_widget_state=False, shutdown_kernel="immediate",
        resources={"metadata": {"path": str(folder / "work")}})
    start = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(client.async_execute(env=environment), CELLS * seconds))
    except (TimeoutError, DeadKernelError):
        if time.monotonic() - start < CELLS * seconds:
            return _("the kernel died")
        return _("stopped after {seconds:g} s").format(seconds=CELLS * seconds)
    return ""


def _limited() -> bool:
    return importlib.util.find_spec("resource") is not None       # not on Windows
