"""What version control sees when a notebook is run again: the same code, other outputs.

A notebook of three cells as two runs would leave it. No kernel runs it: its losses are drawn here, anew for each run as
in training without a seed, and stored as Jupyter stores a table and a picture, with the cells' counters counted on.
`changed_lines` lets git count the lines of the difference.
"""
import base64
import copy
import io

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook, new_output

from labkit.resources.repository import Repository

CELLS = ("rates = [0.1, 0.03, 0.01]", "losses = train(rates)\nlosses", "plot(losses)")


def run(rates: str = "[0.1, 0.03, 0.01]", seed: int = 0) -> nbformat.NotebookNode:
    """The notebook as a run would store it: a table and a picture of losses that are drawn from `seed`."""
    notebook = new_notebook(cells=[new_code_cell(source, id=f"cell-{place}") for place, source in enumerate(CELLS)])
    notebook.cells[0].source = f"rates = {rates}"
    steps = np.arange(1, 13)
    noise = np.random.default_rng(seed).normal(0, 0.05, (12, 3))
    losses = pd.DataFrame(2.3 * np.exp(-np.outer(steps, [0.3, 0.2, 0.1])) + noise, steps, ["0.1", "0.03", "0.01"])
    outputs = [{"text/plain": losses.to_string(), "text/html": losses.to_html()}, {"image/png": _picture(losses)}]
    for cell, data in zip(notebook.cells[1:], outputs, strict=True):
        cell.outputs = [new_output("execute_result", data, execution_count=1)]
    for place, cell in enumerate(notebook.cells, 1 + 3 * seed):
        cell.execution_count = place
        for output in cell.outputs:
            output.execution_count = place
    return notebook


def _picture(losses: pd.DataFrame) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure, picture = Figure((4, 3)), io.BytesIO()
    FigureCanvasAgg(figure)
    figure.add_subplot().plot(losses.index, losses)
    figure.savefig(picture, format="png", metadata={"Software": None})
    return base64.encodebytes(picture.getvalue()).decode()


def without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy with the code and none of what running it left."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def changed_lines(before: nbformat.NotebookNode, after: nbformat.NotebookNode) -> int | None:
    """Lines that `git diff` adds and takes away between two notebooks; None where git is not installed."""
    lab = Repository()
    if not lab.available:
        return None
    lab.write("lab.ipynb", nbformat.writes(before))
    lab.commit("Before")
    lab.write("lab.ipynb", nbformat.writes(after))
    counts = lab.git("diff", "--numstat")
    return sum(map(int, counts.split()[:2])) if counts else 0


def table() -> pd.DataFrame:
    """Changed lines of a run again, and of another rate with a run again, with outputs and without them."""
    first, again, other = run(), run(seed=1), run("[0.1, 0.03, 0.003]", seed=1)
    rows = {"run again, nothing changed": (first, again), "one number of the code changed, run again": (first, other)}
    return pd.DataFrame({name: {"with outputs": changed_lines(*pair),
                                "without outputs": changed_lines(*map(without_outputs, pair))}
                         for name, pair in rows.items()}).T
