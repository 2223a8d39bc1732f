"""Numbers that a chapter hands to whoever runs it headless: they travel in the executed notebook."""
import math
from numbers import Real
from pathlib import Path

import nbformat

from labkit.language import _
from labkit.settings import refuse


def report(**numbers: float) -> None:
    """Report numbers, such as `test_accuracy=0.87`, to the table of `labkit sweep` and the summary of `labkit run`.

    They are shown in one line, and kept in full in the metadata of that output. Reported again, a name has its newest
    number. Raises `SettingError` for what is not a finite number.
    """
    from IPython.display import display
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
            raise refuse(name, number, _("a finite number"))
    plain = {name: number if isinstance(number, int) else float(number) for name, number in numbers.items()}
    shown = ", ".join(f"{name} = {number:.6g}" for name, number in plain.items())
    display({"text/plain": _("For the table of a sweep: {numbers}").format(numbers=shown)}, raw=True,
            metadata={"labkit": {"reported": plain}})


def reported(notebook: Path) -> dict[str, float]:
    """What the cells of an executed notebook have reported; empty where there is no such file."""
    if not notebook.exists():
        return {}
    found = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            found |= output.get("metadata", {}).get("labkit", {}).get("reported", {})
    return found
