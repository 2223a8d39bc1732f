"""Data sets by name: `load` returns a `Dataset` of CPU tensors, `corpus` text as text, `table` a data frame.

`ratings` returns who rated what.
"""
from labkit.data.dataset import Dataset, Split
from labkit.data.errors import DataError
from labkit.data.published import large_models
from labkit.data.ratings import Ratings, ratings
from labkit.data.registry import NAMES, load, status
from labkit.data.tables import Table, table
from labkit.data.text import Corpus, corpus, language_model

__all__ = ["NAMES", "Corpus", "DataError", "Dataset", "Ratings", "Split", "Table", "corpus", "language_model",
           "large_models", "load", "ratings", "status", "table"]
