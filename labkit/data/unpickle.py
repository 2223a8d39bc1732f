"""Read a pickle of arrays, bytes, strings, numbers, lists, tuples and dicts, and nothing else.

A pickle is a program: it may call anything it can name. Here it can name only stand-ins for what rebuilds an array.
NumPy's own are not called, since a dtype takes any state that it is given and may end the process with it. The pickle's
steps are looked through before it is read: a few bytes can ask for a memory of 64 GB, or for a tuple nested so deeply
that hashing it ends the process.
"""
import pickle
import pickletools
import re
import struct

import numpy as np

from labkit.data.errors import DataError
from labkit.language import _

MOST_STEPS = 100_000        # of one pickle; a batch of CIFAR-10 has about 30,000, or 90,000 as Python 3 writes it
MOST_TUPLES = 1_000         # an array has three

# What a damaged pickle can raise while it is read (the pickle module lists no complete set).
_DAMAGE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError,
           OverflowError, MemoryError, SyntaxError, RecursionError, struct.error)


class _StandIn:
    """All have this method: a pickle that sets the state of a class itself, and not of an instance, is an error."""

    def __setstate__(self, state):
        raise ValueError(_("this has no state"))


class _Dtype(_StandIn):
    def __init__(self, text, align=False, copy=False):
        if not (isinstance(text, str | bytes) and isinstance(align, int) and isinstance(copy, int)):
            raise ValueError(_("a kind of number that is not written as text"))
        self.text, self.order = _text(text), "|"

    def __setstate__(self, state):
        self.order = _text(state[1])

    def plain(self) -> np.dtype:
        """Numbers and truth values, and nothing that NumPy keeps as an object."""
        if not (re.fullmatch(r"[biuf][1248]", self.text) and self.order in ("<", ">", "|", "=")):
            raise ValueError(_("{kind} is no kind of number").format(kind=repr(self.text[:20])))
        return np.dtype(self.order + self.text)


class _Array(_StandIn):
    def __init__(self):
        self.value = np.empty(0, dtype="uint8")

    def __setstate__(self, state):
        _version, shape, dtype, is_fortran, raw = state
        if not (isinstance(dtype, _Dtype) and isinstance(raw, bytes)):
            raise ValueError(_("an array that is not of numbers"))
        self.value = np.frombuffer(bytearray(raw), dtype.plain()).reshape(shape, order="F" if is_fortran else "C")


class _Rebuilt(_StandIn):
    def __new__(cls, kind, shape, code):
        return _Array()


class _Encoded(_StandIn):
    def __new__(cls, text, encoding):       # Python 3 writes bytes as text to encode, in protocol 2
        if encoding != "latin1":
            raise ValueError(_("bytes that are not written as latin1"))
        return text.encode("latin1")


ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _Rebuilt,        # as NumPy 1 wrote it
    ("numpy._core.multiarray", "_reconstruct"): _Rebuilt,       # as NumPy 2 writes it
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Encoded,
}


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, file, name: str):
        super().__init__(file, encoding="bytes")        # strings of Python 2, as in CIFAR-10, stay bytes
        self._name = name

    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise DataError(_("{file} asks for {name}, which is not data. It was not read further; it may be "
                              "harmful. Take the file from its official address.").format(
                                  file=self._name, name=f"{module}.{name}"[:100]))
        return ALLOWED[module, name]


def load_arrays(file, name: str):
    """Return what is pickled in the open binary `file`: an array, a dict with arrays among its values, or plain values.

    `name` stands for the file in messages. Raises `DataError` where the pickle is damaged, and where it names anything
    but the parts of an array, or takes more steps than any array needs.
    """
    try:
        _check_steps(file, name)
        found = _ArrayUnpickler(file, name).load()
    except _DAMAGE as error:
        raise DataError(_("{file} is damaged: {error}.").format(file=name, error=str(error)[:200])) from error
    return {key: _as_array(value) for key, value in found.items()} if isinstance(found, dict) else _as_array(found)


def _check_steps(file, name: str) -> None:
    start, tuples, before = file.tell(), 0, ""
    for steps, (code, argument, _place) in enumerate(pickletools.genops(file)):
        tuples += "TUPLE" in code.name
        # Bytes in protocol 2 are a call with a pair each; no stand-in takes a pair that holds a tuple, so none nests.
        tuples -= code.name == "REDUCE" and before == "TUPLE2"
        if not code.name.endswith(("PUT", "MEMOIZE")):
            before = code.name
        if steps > MOST_STEPS or tuples > MOST_TUPLES or code.name.endswith("PUT") and argument > MOST_STEPS:
            raise DataError(_("{file} is no data of ours: reading it would take more than {steps:,} steps, "
                              "{tuples:,} tuples or places in memory. It was not read.").format(
                                  file=name, steps=MOST_STEPS, tuples=MOST_TUPLES))
    file.seek(start)


def _as_array(value):
    return value.value if isinstance(value, _Array) else value


def _text(value) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
