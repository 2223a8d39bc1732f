"""Small archives in the forms of CIFAR-10 and of MovieLens-100k."""
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FOLDER = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"


class Python2Pickler(pickle._Pickler):
    """Writes byte strings, and names, as Python 2 wrote the official archive: as plain strings."""

    def save_string(self, value):
        value = value.encode() if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)

    def save_global(self, obj, name=None):
        module = {"_reconstruct": "numpy.core.multiarray"}.get(obj.__name__, "numpy")
        self.write(pickle.GLOBAL + f"{module}\n{obj.__name__}\n".encode())

    dispatch = {**pickle._Pickler.dispatch, bytes: save_string, str: save_string, type: save_global,
                type(np._core.multiarray._reconstruct): save_global}


def python2(content) -> bytes:
    buffer = io.BytesIO()
    Python2Pickler(buffer, 2).dump(content)
    return buffer.getvalue()


def python3(content) -> bytes:
    return pickle.dumps(content, protocol=2)


def batches(per_batch=20, test=30):
    """The contents of the seven files: random images, labels in turn."""
    rng = np.random.default_rng(0)

    def batch(count):
        return {b"labels": [row % 10 for row in range(count)], b"filenames": [b"a.png"] * count,
                b"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8)}
    contents = {f"data_batch_{number}": batch(per_batch) for number in range(1, 6)}
    return {**contents, "test_batch": batch(test),
            "batches.meta": {b"label_names": [label.encode() for label in LABELS]}}


def packed(contents, dump=python3, mode="w:gz") -> bytes:
    """A tar archive of `contents`, a dict or pairs of name and content, which is pickled unless it is bytes."""
    buffer, options = io.BytesIO(), {"compresslevel": 1} if mode == "w:gz" else {}
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:
        for name, content in contents.items() if isinstance(contents, dict) else contents:
            blob = content if isinstance(content, bytes) else dump(content)
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(blob)
            archive.addfile(member, io.BytesIO(blob))
    return buffer.getvalue()


def write(path: Path, contents: dict, dump=python3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(contents, dump))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def movielens(path, ratings="1\t1\t5\t0\n1\t2\t1\t0\n2\t3\t4\t0\n", films=("Alpha", "Beta", "Beta"), **more):
    rows = "".join(f"{number}|{title}|1-Jan-95||http://x|{number % 2}|1\n" for number, title in enumerate(films, 1))
    members = {"ml-100k/u.data": ratings, "ml-100k/u.item": rows, "ml-100k/u.genre": "war|0\nwestern|1\n\n", **more}
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            if text is not None:
                file.writestr(name, text)
    return path
