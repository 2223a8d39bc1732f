"""Data sets by name: `load("fashion-mnist")` returns a `Dataset` of CPU tensors."""
from labkit.data.dataset import Dataset, Split
from labkit.data.errors import DataError
from labkit.data.registry import NAMES, load, status

__all__ = ["NAMES", "DataError", "Dataset", "Split", "load", "status"]
