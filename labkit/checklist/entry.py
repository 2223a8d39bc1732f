"""A file that was given, wherever it lies: in a folder or in a zip."""
from collections.abc import Callable
from typing import NamedTuple


class Entry(NamedTuple):
    """`parts` of its path below what was given, its `size` in bytes, and `read()`, which returns its bytes."""
    parts: tuple[str, ...]
    size: int
    read: Callable[[], bytes]
