"""Small notebooks for tests of what executes and stores chapters."""
from pathlib import Path

import nbformat

PARAMETERS = 'profile = "quick"\nseed = 0\nrate = 0.1\nfast = True\nsizes = [1, 2]\ndataset = "fashion-mnist"'


def write(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    """Write a notebook of a heading, a cell tagged `parameters` and a cell for each of `sources`."""
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("# A chapter"),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        *map(nbformat.v4.new_code_cell, sources)])
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def printed(path: Path) -> str:
    """All that the notebook's cells have printed."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
