"""What a learner gives, from its name to checked data: a bundled set, a path, or an upload.

Nothing that was given is executed, unpickled or unpacked to disk. An upload is kept in the run's folder, under a name
of ours: the name that it came with is only shown.
"""
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from labkit import data
from labkit.checklist import archive, csv_table, images, labels
from labkit.checklist.report import Collected
from labkit.language import _
from labkit.settings import refuse

BUNDLED = ("breast-cancer", "german-credit", "digits", "fashion-mnist")
MAX_BYTES = 50_000_000          # of one file
NOT_USED = {"german-credit": ("sex", "age")}     # the first is miscoded; for both see chapter 8


def intake(given, folder: str | Path, target: str | None = None) -> Collected:
    """The data that `given` names, checked.

    given       one of BUNDLED; the path of a CSV file, of a folder that has a folder of pictures for each class, or of
                a zip of such a folder; or an upload, the pair (name, bytes)
    folder      the run's folder, made if it is not there: the only place where anything is written
    target      the column of a table to predict; None takes the last one, and says so

    Raises `SettingError` for everything that cannot be learned from or should not be opened: see the modules for what
    is refused, and the constants there for the limits.
    """
    if isinstance(given, tuple):
        name, content = given
        content = bytes(content)
        _check_size(len(content))
        kind = "zip" if archive.is_zip(content) else "csv"
        found = _read(content, Path(str(name).replace("\\", "/")).name, target)
        write(Path(folder), f"given.{kind}", content)
        return found
    if isinstance(given, str) and given in BUNDLED:
        return _bundled(given, target)
    if not isinstance(given, (str, Path)):
        raise refuse("given", given, _("the name of a data set, a path, or an upload"))
    return _from_path(given, target)


def _from_path(given: str | Path, target: str | None) -> Collected:
    path = Path(given).expanduser()
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):       # a name that is too long, or holds a zero
        is_folder = is_file = False
    if is_folder:
        if target is not None:
            raise _no_target(target)
        return images.read(images.folder(path), path.resolve().name)
    if not is_file:
        raise refuse("dataset", str(given), _("{names}, or the path of a CSV file, a folder or a zip").format(
            names=", ".join(BUNDLED)), _("There is no such file."))
    _check_size(path.stat().st_size)
    return _read(path.read_bytes(), path.name, target)


def _read(content: bytes, name: str, target: str | None) -> Collected:
    digest = hashlib.sha256(content).hexdigest()
    if not archive.is_zip(content):
        return csv_table.read(content, name, target, digest)
    if target is not None:
        raise _no_target(target)
    return images.read(archive.entries(content), name, digest)


def _no_target(target: str):
    return refuse("target", target, _("none, since a picture's class is its folder"))


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise refuse(_("size of the file"), _("{size:,} bytes").format(size=size),
                     _("at most {most:,} bytes").format(most=MAX_BYTES), _("Give a sample drawn by chance."))


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write `content` to `folder`/`name` in one piece: a file, or a link, that is there is replaced, never followed."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    return Path(temporary).replace(folder / name)


def _bundled(name: str, target: str | None) -> Collected:
    if name in data.tables.NAMES:
        table = data.table(name)
        frame = table.frame.drop(columns=list(NOT_USED.get(name, ())))
        wanted = target or table.target
        if wanted not in frame:
            raise refuse("target", wanted, ", ".join(frame))
        answers = frame.pop(wanted)
        names = table.class_names if wanted == table.target else None
        words = [names[value] if names else str(value) for value in answers]
        numbers, class_names = labels.numbered(words, wanted)
        columns = {column: values.to_numpy("float64") if pd.api.types.is_numeric_dtype(values) else
                   np.array([None if value is None or value != value else str(value) for value in values], object)
                   for column, values in frame.items()}
        frame = pd.DataFrame(columns)
        words = sum(not pd.api.types.is_numeric_dtype(frame[column]) for column in frame)
        found = ((_("columns"), _("{numbers} of numbers, {words} of words").format(
                     numbers=len(frame.columns) - words, words=words)),
                 (_("left out"), ", ".join(NOT_USED.get(name, ())) or _("none")), (_("target"), wanted),
                 (_("note"), table.note))
        return Collected(name, "table", numbers, class_names, table.sha256, found, frame=frame,
                         licence=table.licence, source=table.source)
    if target is not None:
        raise _no_target(target)
    return _digits() if name == "digits" else _garments()


def _digits() -> Collected:
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, whose 17 levels are spread over 0 to 255."""
    from sklearn.datasets import load_digits
    found = load_digits()
    pictures = (found.images * 255 / 16).round().astype("uint8")[:, None]
    return Collected("digits", "images", found.target.astype("int64"), tuple(map(str, found.target_names)),
                     hashlib.sha256(pictures.tobytes()).hexdigest(),
                     (_form("8 × 8"),),
                     pictures=pictures, licence=_("BSD (the package)"),
                     source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits")


def _garments() -> Collected:
    """Fashion-MNIST's parts in one: the checklist deals its own, and its test is not the published one."""
    bundled = data.load("fashion-mnist")
    parts = (bundled.train, bundled.validation, bundled.test)
    pictures = np.concatenate([part.inputs.numpy() for part in parts])
    return Collected("fashion-mnist", "images", np.concatenate([part.targets.numpy() for part in parts]),
                     bundled.class_names, bundled.sha256,
                     (_form("28 × 28"),),
                     pictures=pictures, licence=bundled.licence, source=bundled.source)


def _form(sizes: str) -> tuple[str, str]:
    return _("form of the pictures"), _("{channels} channel(s), {sizes}").format(channels=1, sizes=sizes)
