"""The data sets by name: where each comes from, under what licence, and `load`, which returns one."""
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit import settings
from labkit.data import images, tables, text
from labkit.data.dataset import Dataset, Split
from labkit.data.download import fetch
from labkit.data.errors import DataError, from_official, readable
from labkit.language import _

BUNDLED = Path(__file__).with_name("bundled")


@dataclass(frozen=True)
class _Source:
    file: str                                   # in bundled/, or in the data folder
    sha256: str
    size: int                                   # bytes
    licence: str
    source: str                                 # an address: where it was published, or is fetched from
    read: Callable[[Path], images.Parts]
    find: Callable[[Path], Path | None] | None = None       # of sets that are fetched or named by the user


SOURCES = {
    "fashion-mnist": _Source(
        "fashion-mnist.npz", "01a524abad80ab76c26b003e7a11a8d3ed76d8e5ef6794353b1973582248ac66", 5_276_426,
        "MIT", "https://github.com/zalandoresearch/fashion-mnist", images.read_fashion_mnist),
    "cifar10": _Source(
        images.CIFAR10_ARCHIVE, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        170_498_071, "research use", f"https://www.cs.toronto.edu/~kriz/{images.CIFAR10_ARCHIVE}",
        images.read_cifar10, images.find_cifar10),
}
NAMES = (*SOURCES, *text.NAMES)
INSTEAD = "fashion-mnist"       # what serves where a set cannot be fetched


def load(name: str, *, path: str | Path | None = None, validation: float = 0.1) -> Dataset:
    """Return the data set `name`, one of `NAMES`, with the last `validation` share of training held out.

    `fashion-mnist` is bundled: 12,000 training images (the held-out ones among them) and 2,000 test images,
    uint8 (N, 1, 28, 28), balanced, in 10 classes. `cifar10` has 50,000 and 10,000, uint8 (N, 3, 32, 32); it
    is read from `path` (the archive, a folder that holds it, or the extracted cifar-10-batches-py), else from
    the folder LABKIT_DATA, else from the user's cache, into which its 170 MB are fetched once. A fetched
    archive must have the official SHA-256; one that the user names need not, and `Dataset.note` says so.

    The two sets of text are int64 characters in rows of 64, with a `Dataset.tokenizer`; the last tenth is for testing.
    `python-docs` is for predicting the next character: 373,344 characters of English, each paragraph once, whose
    targets are the inputs shifted by one. `reviews-zh` has 17,363 different Chinese reviews, of which only the first 64
    characters are kept, shorter ones filled up with id 0; its classes are negative and positive.

    Raises `SettingError` for a name, path or validation that cannot be used, and `DataError` for data that
    are damaged or cannot be fetched.
    """
    settings.choose("dataset", name, NAMES)
    if isinstance(validation, bool) or not isinstance(validation, int | float) or not 0 < validation < 1:
        raise settings.refuse("validation", validation, _("a number between 0 and 1, both excluded"))
    if name in text.NAMES:
        if path is not None:
            raise _needs_no_path(name, path)
        return text.load(name, validation)
    source = SOURCES[name]
    note = ""
    with readable(name):
        place = _locate(name, source, path)
        digest = _sha256(place)
        if source.find is None and digest != source.sha256:
            raise DataError(_("{file} has been changed (its SHA-256 is {digest}). Install labkit anew.").format(
                file=place, digest=digest))
        with from_official(source.source):
            train, test, class_names = source.read(place)
    if digest != source.sha256:
        note = _("JPEG copy, 5,000 test images") if len(test) == 5000 else _("not the official archive")
    kept = int(len(train) * (1 - validation))
    if not 0 < kept < len(train):
        raise settings.refuse("validation", validation, _("a share that leaves some of {count} images on "
                                                          "both sides").format(count=len(train)))
    return Dataset(name, Split(train.inputs[:kept], train.targets[:kept]),
                   Split(train.inputs[kept:], train.targets[kept:]), test, class_names,
                   source.licence, source.source, digest, note)


def status() -> list[tuple[str, str, str]]:
    """Name, state (`bundled`, `present` or `absent`) and a detail for people of each data set."""
    rows = []
    for name, source in SOURCES.items():
        found = BUNDLED / source.file if source.find is None else _kept(source)
        if found is None:
            rows.append((name, "absent", _("{size:.0f} MB to fetch from {url}").format(
                size=source.size / 1e6, url=source.source)))
        else:
            size = sum(file.stat().st_size for file in images.cifar10_files(found)) / 1e6
            rows.append((name, "bundled" if source.find is None else "present",
                         _("{path}, {size:.1f} MB").format(path=found, size=size)))
    return rows + [(name, *part.status(name)) for part in (tables, text) for name in part.NAMES]


def _locate(name: str, source: _Source, path: str | Path | None) -> Path:
    """Where the files are: bundled, named by the user, or (fetched if need be) in the data folder."""
    if source.find is None:
        if path is not None:
            raise _needs_no_path(name, path)
        return BUNDLED / source.file
    if path is not None:
        found = source.find(settings.path_of(path))
        if found is None:
            raise settings.refuse("path", str(path),
                                  _("the file {file}, or a folder that holds it").format(file=source.file))
        return found
    found = _kept(source)
    if found is not None and os.environ.get("LABKIT_DATA"):     # the user's folder: what lies there is named
        return found
    target = settings.data_folder() / source.file
    advice = _("To have it by hand, open that address ({size:.0f} MB) in a browser and put the file at "
               "{target}. Without it, {instead} is bundled and serves the same chapters.").format(
                   size=source.size / 1e6, target=target, instead=f'load("{INSTEAD}")')
    return fetch(source.source, target, sha256=source.sha256, size=source.size, advice=advice)


def _needs_no_path(name: str, path: str | Path) -> settings.SettingError:
    return settings.refuse("path", str(path), _("no path, since {name} is bundled").format(name=name))


def _kept(source: _Source) -> Path | None:
    """What the data folder holds of a set. Only in LABKIT_DATA can it be an extracted folder."""
    folder = settings.data_folder()
    if os.environ.get("LABKIT_DATA"):
        return source.find(folder)
    return folder / source.file if (folder / source.file).is_file() else None


def _sha256(path: Path) -> str:
    """SHA-256 of a file, or of the batches of an extracted folder one after the other."""
    digest = hashlib.sha256()
    for file in images.cifar10_files(path):
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
