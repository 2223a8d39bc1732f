#!/usr/bin/env python3
"""Say what of the chapters is not as `labkit notebooks` stores them. Nothing is executed and nothing is written.

    python tools/stored_chapters.py
"""
import sys
from pathlib import Path

import nbformat

from labkit.headless import find
from labkit.stored import unfit

LARGEST = 1_000_000     # bytes: GitHub still shows a notebook of this size


def faults(path: Path) -> list[str]:
    """What is wrong with one stored chapter, in words."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [f"cell {cell.id} ended with an error" for cell in code
             if any(output.output_type == "error" for output in cell.outputs)]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("its cells were not run once each, in order")
    if "widgets" in notebook.metadata:
        found.append("it holds the state of widgets")
    if path.stat().st_size >= LARGEST:
        found.append(f"it has {path.stat().st_size:,} bytes, of {LARGEST:,} at most")
    return [*found, *filter(None, [unfit(notebook, path.resolve().parent.parent)])]


def main(folder: Path | None = None) -> int:
    """Print what is wrong with each chapter of `folder` (chapters/ if not given); 1 if anything is, else 0."""
    lines = [f"{path.stem}: {fault}" for path in find(folder=folder) for fault in faults(path)]
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
