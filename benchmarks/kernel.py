"""What must be measured inside a kernel, where a widget has a comm: the live lab and the preview.

`measure` starts a kernel and calls `measure_here` in it.
"""
import json
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from benchmarks.loops import random_images
from benchmarks.timing import alternate
from labkit.execution import ThisPython
from labkit.models import DocumentCNN, SmallCNN
from labkit.training import Recipe, Run
from labkit.widgets.augmentation import AugmentationPreview
from labkit.widgets.controls import Log
from labkit.widgets.live import LiveLab

ROOT = Path(__file__).resolve().parent.parent
BATCH_SIZE = 32
MODELS = {"DocumentCNN": DocumentCNN, "SmallCNN": lambda: SmallCNN(width=16)}


def measure(steps: dict[str, int], rounds: int, sheets: int) -> dict:
    """Seconds by model and contestant, each lab's packets, and the preview's seconds, from a fresh kernel."""
    code = f"from benchmarks.kernel import measure_here\nresult = measure_here({steps!r}, {rounds}, {sheets})"
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("import json\nprint(json.dumps(result))")])
    NotebookClient(notebook, timeout=None, kernel_manager_class=ThisPython,
                   resources={"metadata": {"path": str(ROOT)}}).execute()
    return json.loads(notebook.cells[-1].outputs[0].text)


def measure_here(steps: dict[str, int], rounds: int, sheets: int) -> dict:
    """The same, in this kernel."""
    return {"lab": {name: _lab(MODELS[name], count, rounds) for name, count in steps.items()},
            "sheet": _sheets(sheets)}


def _lab(model, steps: int, rounds: int) -> dict[str, list[float]]:
    data, recipe = random_images(), Recipe(steps=steps, batch_size=BATCH_SIZE)
    trial = Run(model, data, recipe)
    next(trial)
    threads = trial.history.threads     # chosen once: what is compared is the lab, not two choices
    extra = {"packets a second": [], "show": []}

    def fresh() -> Run:
        return Run(model, data, recipe, threads=threads)

    def drain() -> float:
        training, began = fresh(), time.perf_counter()
        for _step in training:
            pass
        return time.perf_counter() - began

    def fit() -> float:
        training, began = fresh(), time.perf_counter()
        training.fit()
        return time.perf_counter() - began

    def lab() -> float:
        seconds, packets = [], []

        def train(p, report):
            training, began = fresh(), time.perf_counter()
            for step in training:
                report(step, train_loss=step.loss)
            seconds.append(time.perf_counter() - began)
        view = LiveLab(train, steps=(steps, steps), title="bench", learning_rate=Log(1e-4, 1, recipe.learning_rate))
        if view.curve.comm is None:
            raise RuntimeError("the curve has no comm, so nothing would be sent: measure this inside a kernel")
        view.curve.observe(packets.append, "now_points")
        began = time.perf_counter()
        view.show()
        extra["show"].append(time.perf_counter() - began - seconds[0])
        extra["packets a second"].append(len(packets) / seconds[0])
        return seconds[0]

    return {"threads": [threads], **alternate({"drain": drain, "fit": fit, "lab": lab}, rounds), **extra}


def _sheets(count: int) -> list[float]:
    """Seconds from each of `count` moves of a slider to the sheet that shows it, all operations on."""
    preview = AugmentationPreview(random_images().train.inputs[:24], noise=0.05, cutout=0.25)
    preview.show()
    arrived, seconds = [], []
    preview.sheet.observe(lambda change: arrived.append(time.perf_counter()), "png")
    for number in range(count):
        arrived.clear()
        began = time.perf_counter()
        preview.set(rotate=11 + number)
        preview.wait()
        seconds.append(arrived[0] - began)
    return seconds
