"""Pickles that run code as soon as they are read, each in its own way, and files that hold one.

Each makes the folder that is named to it, so that a test can see whether it ran. Nothing else happens.
"""
import contextlib
import copyreg
import functools
import io
import operator
import os
import pickle
import struct
import timeit
import zipfile

import joblib
import numpy as np
import torch


class Calls:
    """Pickled as the call of a function."""

    def __init__(self, function, *arguments, state=None):
        self.made = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.made


def _by_state(marker):
    """functools.partial takes any function as its state: BUILD puts os.mkdir there, and a call makes it run."""
    return Calls(operator.call, Calls(functools.partial, int, state=(os.mkdir, (marker,), {}, None)))


def _text(marker: str) -> bytes:
    return b"V" + marker.encode("raw-unicode-escape") + b"\n"


def _joblib(marker: str) -> bytes:
    buffer = io.BytesIO()
    joblib.dump({"weights": Calls(os.mkdir, marker)}, buffer)
    return buffer.getvalue()


def _nested_by_torch(marker: str) -> bytes:
    """A storage of torch's is pickled as the bytes of a file of torch's, which is a pickle again."""
    inner = io.BytesIO()
    torch.save(Calls(os.mkdir, marker), inner)
    return pickle.dumps(Calls(torch.storage._load_from_bytes, inner.getvalue()), 2)


def _code(marker: str) -> str:
    return f"__import__('os').mkdir({marker!r})"


OS = os.mkdir.__module__.encode()       # posix, or nt
PAYLOADS = {
    **{f"os.mkdir, protocol {protocol}": lambda marker, protocol=protocol: pickle.dumps(
        Calls(os.mkdir, marker), protocol)
       for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
    "os.system": lambda marker: pickle.dumps(Calls(os.system, f'mkdir "{marker}"')),
    "eval": lambda marker: pickle.dumps(Calls(eval, _code(marker))),
    "exec": lambda marker: pickle.dumps({b"data": Calls(exec, _code(marker))}, 2),
    "getattr of an imported module": lambda marker: pickle.dumps(
        Calls(operator.call, Calls(getattr, Calls(__import__, "os"), "mkdir"), marker)),
    "the state of an object": lambda marker: pickle.dumps(_by_state(marker)),
    "timeit": lambda marker: pickle.dumps(Calls(timeit.timeit, _code(marker), "pass", timeit.default_timer, 1)),
    "copyreg": lambda marker: pickle.dumps(Calls(copyreg._reconstructor, list, list, Calls(map, os.mkdir, [marker]))),
    "a module named in pieces": lambda marker: (
        b"\x80\x04\x8c\x02os\x8c\x0dpath.os.mkdir\x93" + _text(marker) + b"\x85R."),
    "posix by STACK_GLOBAL": lambda marker: b"\x80\x04\x8c%c" % len(OS) + OS + b"\x8c\x05mkdir\x93" + _text(
        marker) + b"\x85R.",
    "INST": lambda marker: b"(" + _text(marker) + b"ios\nmkdir\n.",
    "OBJ": lambda marker: b"(cos\nmkdir\n" + _text(marker) + b"o.",
    "NEWOBJ": lambda marker: b"\x80\x02c__builtin__\nlist\nc__builtin__\nmap\n(cos\nmkdir\n(l" + _text(
        marker) + b"at\x81\x85R.",
    "a persistent id": lambda marker: b"\x80\x02cos\nmkdir\n" + _text(marker) + b"\x85RQ.",
    "thrown away at once": lambda marker: b"\x80\x02cos\nmkdir\n" + _text(marker) + b"\x85R0}.",
    "in an array of objects": lambda marker: pickle.dumps(np.array([1, Calls(os.mkdir, marker)], dtype=object), 2),
    "behind a sound array": lambda marker: pickle.dumps(
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, Calls(os.mkdir, marker)]}, 2),
    "joblib": _joblib,
    "a storage of torch's": _nested_by_torch,
    "a function of numpy's": lambda marker: pickle.dumps(
        Calls(np.testing._private.utils.runstring, _code(marker), {})),
}


def torch_zip(payload: bytes) -> bytes:
    """What torch.save writes, with `payload` as its pickle."""
    sound, buffer = io.BytesIO(), io.BytesIO()
    torch.save({}, sound)
    with zipfile.ZipFile(sound) as given, zipfile.ZipFile(buffer, "w") as made:
        for member in given.infolist():
            made.writestr(member.filename, payload if member.filename.endswith("data.pkl") else given.read(member))
    return buffer.getvalue()


def torch_legacy(payload: bytes) -> bytes:
    """What torch.save wrote before 1.6: a magic number, a version, a note of the machine, and the pickle."""
    head = torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, {"little_endian": True}
    return b"".join(pickle.dumps(part, 2) for part in head) + payload


def npy(payload: bytes) -> bytes:
    """A file of NumPy's that says it holds objects."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def runs(folder: str) -> dict[str, list[str]]:
    """Read each payload as Python does, as torch does and as NumPy does without protection; which ones ran."""
    found = {"pickle": [], "torch": [], "legacy torch": [], "numpy": []}
    readers = {"pickle": lambda payload: pickle.loads(payload),
               "torch": lambda payload: torch.load(io.BytesIO(torch_zip(payload)), weights_only=False),
               "legacy torch": lambda payload: torch.load(io.BytesIO(torch_legacy(payload)), weights_only=False),
               "numpy": lambda payload: np.load(io.BytesIO(npy(payload)), allow_pickle=True)}
    for kind, read in readers.items():
        for place, (name, make) in enumerate(PAYLOADS.items()):
            marker = os.path.join(folder, f"{kind} {place}")
            with contextlib.suppress(Exception):        # some fail once their code has run
                read(make(marker))
            if os.path.isdir(marker):
                found[kind].append(name)
    return found
