"""What the web edition needs and a stored notebook does not have, in chapters/web/.

`NN.json.gz` holds the state of the widgets that live without a kernel; `NN.zh.json.gz` that of the Chinese notebook
and its outputs, since only the English ones are stored with their notebook. `labkit notebooks` writes both. The same
outputs give the same bytes: models are numbered, and no time is kept. A widget's script and style are not stored, only
its class, whose files are in labkit/widgets.
"""
import gzip
import json
from importlib import import_module
from pathlib import Path

import nbformat

from labkit.translate import digest

LIVE_VIEW = "application/vnd.jupyter.widget-view+json"
STATES = "application/vnd.jupyter.widget-state+json"
PLOTLY = "application/vnd.plotly.v1+json"
REFERENCE = "anywidget:"        # what a trait holds that is a model of its own


def folder_of(notebook: Path) -> Path:
    """The folder of what is stored for the web edition, beside the notebook."""
    return notebook.parent / "web"


def file_of(notebook: Path, language: str) -> Path:
    """Where the states (and, in Chinese, the outputs) of a notebook are: web/05.json.gz, web/05.zh.json.gz."""
    ending = "" if language == "en" else f".{language}"
    return folder_of(notebook) / f"{notebook.stem.split('_')[0]}{ending}.json.gz"


def code(notebook: nbformat.NotebookNode) -> str:
    """A short hash of the code cells: what is stored for another one is out of step with the notebook."""
    return digest(json.dumps([[cell.id, cell.source] for cell in notebook.cells if cell.cell_type == "code"]))


def widget_class(name: str) -> type:
    """The class of a widget that is stored as `module.Class`."""
    module, _dot, kind = name.rpartition(".")
    return getattr(import_module(module), kind)


def widgets(notebook: nbformat.NotebookNode) -> dict[str, dict[str, dict]]:
    """The widgets of a notebook just executed that live without a kernel: {cell's id: {place of the output: widget}}.

    A widget is {"class", "models"}; the first of its models is the one its view draws. A model is {"state",
    "buffers"}: its traits, those of ipywidgets left out, and pairs of a path in them and the bytes as base64.
    """
    saved = notebook.metadata.get("widgets", {}).get(STATES, {}).get("state", {})
    found: dict[str, dict[str, dict]] = {}
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", [])):
            name = mark(output, "widget")
            if name and not widget_class(name).needs_kernel:
                view = saved[output.data[LIVE_VIEW]["model_id"]]
                models = _models(saved, view["state"]["state"])
                found.setdefault(cell.id, {})[str(place)] = {"class": name, "models": models}
    return found


def _models(saved: dict, first: str) -> list[dict]:
    """The model that `first` refers to and those that it refers to, numbered in the order in which they are met."""
    numbers, models = {first: 0}, []

    def renamed(value):
        if isinstance(value, str) and value.startswith(REFERENCE):
            return f"{REFERENCE}{numbers.setdefault(value, len(numbers))}"
        return value

    while len(models) < len(numbers):
        model = saved[list(numbers)[len(models)].removeprefix(REFERENCE)]
        state = {name: renamed(value) for name, value in sorted(model["state"].items()) if not name.startswith("_")}
        buffers = sorted([entry["path"], entry["data"]] for entry in model.get("buffers", []))
        models.append({"state": state, "buffers": buffers})
    return models


def outputs(notebook: nbformat.NotebookNode, alive: dict[str, dict[str, dict]]) -> dict[str, list]:
    """The outputs of a cleaned notebook by cell, without the pictures of what the web edition shows alive."""
    kept = {}
    for cell in notebook.cells:
        cell = nbformat.from_dict(cell)
        above = ""
        for place, output in enumerate(cell.get("outputs", [])):
            if not mark(output, "copy"):
                above = str(place)
            if PLOTLY in output.get("data", {}) or above in alive.get(cell.id, {}):
                output.get("data", {}).pop("image/png", None)
        if cell.get("outputs"):
            kept[cell.id] = cell.outputs
    return kept


def mark(output: dict, name: str) -> str | bool | None:
    """What labkit has noted with an output: the `widget` that it is, or that it is a `copy` of the one above it."""
    return output.get("metadata", {}).get("labkit", {}).get(name)


def write(path: Path, content: dict) -> None:
    """Write `content` compressed, the same bytes for the same content."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    fresh = path.with_suffix(".part")
    fresh.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    fresh.replace(path)


def read(path: Path) -> dict:
    """What `write` has written."""
    return json.loads(gzip.decompress(path.read_bytes()))
