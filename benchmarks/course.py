"""The course as a whole: seconds and memory of each chapter, of the notebooks' test, and until a curve first moves."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from benchmarks.kernel import ROOT
from benchmarks.report import Row
from labkit import headless
from labkit.execution import execute

LONGER = ("06", "08", "09", "10")       # chapters that may take 35 s in the quick profile; the others 25
SLOWEST = 3
CURVE_MOVES = """() => {
  const status = document.querySelector(".lk-curve .lk-status")?.textContent ?? "";
  return Number(status.match(/step (\\d+)/)?.[1] ?? 0) > 1;
}"""


def chapters(numbers: tuple[str, ...]) -> tuple[list[Row], dict]:
    """Execute each chapter headless and alone, as `make run ARGS="--jobs 1"` does, with its default parameters."""
    raw = {}
    with tempfile.TemporaryDirectory() as folder:
        for notebook in headless.find(numbers):
            result = execute(notebook, Path(folder) / notebook.name, {})
            if result.result != "passed":
                raise RuntimeError(headless.explain(result))
            raw[result.chapter] = {"seconds": result.seconds, "peak_memory": result.peak_memory,
                                   "slowest": slowest_cells(Path(result.notebook))}
    rows = []
    for chapter, found in raw.items():
        cells = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["slowest"])
        rows.append(Row(chapter, [found["seconds"]], "s", f"slowest cells: {cells}",
                        35 if chapter[:2] in LONGER else 25, less_is_better=True))
        rows.append(Row(f"{chapter}, peak memory", [found["peak_memory"] / 1e6], "MB", "the kernel with its children",
                        2000, less_is_better=True))
    return rows, raw


def all_chapters(numbers: tuple[str, ...]) -> float:
    """Seconds that `labkit run` takes for these chapters, several at once."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "labkit.cli", "run", *numbers, "--out", folder], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def slowest_cells(notebook: Path) -> list[tuple[str, float]]:
    """The ids and seconds of the cells of an executed notebook that took longest."""
    cells = nbformat.read(notebook, as_version=4).cells
    timed = [(cell.id, cell.metadata.papermill.duration or 0) for cell in cells if cell.cell_type == "code"]
    return sorted(timed, key=lambda pair: -pair[1])[:SLOWEST]


def notebooks_test(numbers: tuple[str, ...]) -> float:
    """Seconds that nbval takes for these chapters, with the options of `make test`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-n", "2", "--dist", "loadfile",
                    *map(str, headless.find(numbers))], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "LABKIT_THREADS": "1"})
    return time.perf_counter() - began


def first_curve() -> float | None:
    """Seconds from starting JupyterLab to a moving curve of chapter 5 in Chromium; None where there is no Chromium.

    The options are those of `labkit lab`, on a copy of the chapters. The browser is there already; its page opens as
    soon as the server answers, and *Run All Cells* is chosen as soon as the kernel is connected.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import CHROMIUM, QUIET, Notebook, Server
    from playwright.sync_api import sync_playwright
    if CHROMIUM is None:
        return None
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET).new_page()
        shutil.copytree(ROOT / "chapters", Path(folder) / "course" / "chapters")
        began = time.perf_counter()
        server = Server(Path(folder) / "course", Path(folder) / "home")
        try:
            notebook = Notebook(page, server, "chapters/05_project.ipynb")
            notebook.menu("Run", "Run All Cells")
            page.wait_for_function(CURVE_MOVES, timeout=120_000)
            return time.perf_counter() - began
        finally:
            server.close()
