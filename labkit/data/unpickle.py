"""Read a pickle of arrays, bytes, strings, numbers, lists, tuples and dicts, and nothing else.

A pickle is a program: it may call anything it can name. Here it can name only what NumPy needs to rebuild an
array, all of it written in C, so that no attribute of it can be changed either.
"""
import codecs
import pickle

import numpy as np
from numpy._core.multiarray import _reconstruct

from labkit.data.errors import DataError
from labkit.language import _

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,        # as NumPy 1 wrote it
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,       # as NumPy 2 writes it
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,       # Python 3 writes bytes as text to encode, in protocol 2
}

# What a damaged pickle can raise while it is read (the pickle module lists no complete set).
_DAMAGE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError,
           OverflowError, MemoryError, SyntaxError)


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, file, name: str):
        super().__init__(file, encoding="bytes")        # strings of Python 2, as in CIFAR-10, stay bytes
        self._name = name

    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise DataError(_("{file} asks for {name}, which is not data. It was not read further; it may be "
                              "harmful. Take the file from its official address.").format(
                                  file=self._name, name=f"{module}.{name}"))
        return ALLOWED[module, name]


def load_arrays(file, name: str):
    """Return the object pickled in the open binary `file`; `name` stands for it in messages.

    Raises `DataError` where the pickle is damaged, and where it names anything but the parts of an array.
    """
    try:
        return _ArrayUnpickler(file, name).load()
    except _DAMAGE as error:
        raise DataError(_("{file} is damaged: {error}.").format(file=name, error=error)) from error
