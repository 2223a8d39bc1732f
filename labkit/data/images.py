"""Readers of image sets: files in, splits of `uint8` images (N, channels, height, width) out."""
import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from lzma import LZMAError
from pathlib import Path

import numpy as np
import torch

from labkit.data.dataset import Split
from labkit.data.errors import DataError
from labkit.data.unpickle import load_arrays
from labkit.language import _

FASHION_MNIST_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
                         "Bag", "Ankle boot")

CIFAR10_FOLDER = "cifar-10-batches-py"
CIFAR10_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR10_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
CIFAR10_FILES = (*CIFAR10_TRAIN, "test_batch", "batches.meta")
MEMBER_LIMIT = 64 << 20         # bytes; the largest member of the official archive has 31 million
MEMBERS_LIMIT = 1_000           # the official archive has 9
ARCHIVE_LIMIT = 512 << 20       # bytes unpacked; the official archive has 186 million

Parts = tuple[Split, Split, tuple[str, ...]]        # training, test, class names

# What reading a damaged archive can raise.
_DAMAGE = (OSError, EOFError, ValueError, KeyError, zlib.error, LZMAError, tarfile.TarError,
           zipfile.BadZipFile)


def read_fashion_mnist(path: Path) -> Parts:
    """Training and test images (N, 1, 28, 28) and class names, as bundled/make_fashion_mnist.py wrote."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (*_DAMAGE, RuntimeError, MemoryError, AttributeError, TypeError) as error:       # of NumPy's headers, too
        raise _damaged(path, error) from error
    train, test = (_split(path, arrays.get(f"{name}_images"), arrays.get(f"{name}_labels"), (28, 28),
                          f"{name}_images", f"{name}_labels") for name in ("train", "test"))
    return (Split(train.inputs.unsqueeze(1), train.targets), Split(test.inputs.unsqueeze(1), test.targets),
            FASHION_MNIST_CLASSES)


def find_cifar10(path: Path) -> Path | None:
    """The archive or the extracted folder that `path` is or holds; None where there is neither."""
    if path.is_file() or (path / CIFAR10_TRAIN[0]).is_file():
        return path
    for inside in (path / CIFAR10_ARCHIVE, path / CIFAR10_FOLDER):
        if inside.exists():
            return inside
    return None


def read_cifar10(path: Path) -> Parts:
    """Training and test images (N, 3, 32, 32) and class names from the archive, or from its extracted folder.

    The pickles inside are as https://www.cs.toronto.edu/~kriz/cifar.html describes: `b"data"` is `uint8`
    (N, 3072) in channel, row, column order and `b"labels"` a list of integers. Nothing is written to disk.
    Raises `DataError` naming the file and the field for anything else.
    """
    contents = {}
    members = _folder_members(path) if path.is_dir() else _archive_members(path)
    for name, blob in members:
        if name in contents:
            raise DataError(_("{file} holds {entry} twice.").format(file=path, entry=name))
        contents[name] = load_arrays(BytesIO(blob), f"{path}: {name}")
    missing = [name for name in CIFAR10_FILES if name not in contents]
    if missing:
        raise DataError(_("{file} has no {missing}; a CIFAR-10 archive holds {files} in {folder}.").format(
            file=path, missing=", ".join(missing), files=", ".join(CIFAR10_FILES), folder=CIFAR10_FOLDER))

    names = _field(path, contents, "batches.meta", "label_names")
    try:
        names = tuple(name.decode() for name in names)
    except (TypeError, AttributeError, UnicodeDecodeError):
        names = ()
    if len(names) != 10:
        raise DataError(_("{file}: batches.meta: label_names must be ten names.").format(file=path))

    def split(name: str) -> Split:
        images, labels = _field(path, contents, name, "data"), _field(path, contents, name, "labels")
        if isinstance(labels, list) and all(type(label) is int for label in labels):
            labels = np.array(labels)
        return _split(f"{path}: {name}", images, labels, (3072,), "data", "labels")

    train = [split(name) for name in CIFAR10_TRAIN]
    inputs, test = torch.cat([part.inputs for part in train]), split("test_batch")
    return (Split(inputs.view(-1, 3, 32, 32), torch.cat([part.targets for part in train])),
            Split(test.inputs.view(-1, 3, 32, 32), test.targets),
            names)


def cifar10_files(path: Path) -> list[Path]:
    """The files that `path` consists of: the archive itself, or the batches of an extracted folder."""
    return [path] if path.is_file() else [path / name for name in CIFAR10_FILES if (path / name).is_file()]


def _archive_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each wanted member, in one pass: gzip can only go back by reading all again."""
    wanted = {f"{CIFAR10_FOLDER}/{name}": name for name in CIFAR10_FILES}
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=_Bounded(stream, path), mode="r:") as archive:
            for place, member in enumerate(archive):
                if place == MEMBERS_LIMIT:
                    raise DataError(_("{file} has more than {most:,} members; CIFAR-10 has {count}. It was not read "
                                      "further.").format(file=path, most=MEMBERS_LIMIT, count=len(wanted) + 2))
                if member.name not in wanted:
                    continue
                if not member.isreg():
                    raise DataError(_("{file}: {member} is not a plain file (a link, perhaps).").format(
                        file=path, member=member.name))
                _check_size(path, member.name, member.size)
                yield wanted[member.name], archive.extractfile(member).read()
            while archive.fileobj.read(1 << 20):        # to the end, where gzip keeps its checksum
                continue
    except _DAMAGE as error:
        raise _damaged(path, error) from error


class _Bounded:
    """An unpacked archive that is read up to ARCHIVE_LIMIT, and at most MEMBER_LIMIT at once.

    tarfile reads a long name or a note of a member whole, however long its header says that it is.
    """

    def __init__(self, stream, path: Path):
        self._stream, self._path = stream, path

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, place: int) -> int:
        self._check(place, ARCHIVE_LIMIT)
        return self._stream.seek(place)

    def read(self, size: int) -> bytes:
        self._check(size, MEMBER_LIMIT)
        self._check(self.tell() + size, ARCHIVE_LIMIT)
        return self._stream.read(size)

    def _check(self, size: int, most: int) -> None:
        if size > most:
            raise DataError(_("{file} unpacks to more than {most:,} bytes, more than CIFAR-10 has anywhere. It was not "
                              "read further.").format(file=self._path, most=most))


def _folder_members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in cifar10_files(folder):
        _check_size(folder, file.name, file.stat().st_size)
        yield file.name, file.read_bytes()


def _check_size(path: Path, member: str, size: int) -> None:
    if size > MEMBER_LIMIT:
        raise DataError(_("{file}: {member} has {size} bytes; no file of CIFAR-10 has over {limit}.").format(
            file=path, member=member, size=size, limit=MEMBER_LIMIT))


def _field(path: Path, contents: dict, name: str, field: str):
    content = contents[name]
    if not isinstance(content, dict) or field.encode() not in content:
        raise DataError(_("{file}: {name} has no field {field}.").format(file=path, name=name, field=field))
    return content[field.encode()]


def _split(file, images, labels, shape: tuple[int, ...], images_field: str, labels_field: str) -> Split:
    """The split of both arrays, once images are `uint8` of `shape` and each has a label from 0 to 9."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != shape \
            or len(images) == 0:
        raise DataError(_("{file}: {field} must be images, uint8 ({shape}), not {found}.").format(
            file=file, field=images_field, shape=", ".join(map(str, ("N", *shape))), found=_kind(images)))
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels.shape != (len(images),):
        raise DataError(_("{file}: {field} must be {count} whole numbers, not {found}.").format(
            file=file, field=labels_field, count=len(images), found=_kind(labels)))
    outside = labels[(labels < 0) | (labels > 9)]
    if len(outside):
        raise DataError(_("{file}: {field} must be 0 to 9, but {label} is among them.").format(
            file=file, field=labels_field, label=outside[0]))
    return Split(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64)))


def _kind(value) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(_("{file} is damaged or not what its name says ({error}).").format(
        file=path, error=f"{type(error).__name__}: {str(error)[:200]}"))
