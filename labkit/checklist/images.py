"""Pictures from files: a folder of each class. What a file is, its bytes say, never its name."""
import hashlib
import io
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from labkit.checklist import archive, labels
from labkit.checklist.entry import Entry
from labkit.checklist.report import Collected, listed
from labkit.language import _
from labkit.settings import refuse

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")     # Pillow reads more; some of those start other programs
MAX_PIXELS = 25_000_000         # of one picture
MAX_ALL_PIXELS = 5_000_000_000   # of all pictures: about a minute, and 400 photographs
MAX_FILE = 20_000_000           # bytes of one picture
SIZE = 32                       # pixels a side, where pictures differ in size or are larger than KEPT
SMALLEST, KEPT = 8, 64          # pixels a side that a network reads as they are
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "F")


def read(entries: list[Entry], name: str, sha256: str | None = None) -> Collected:
    """The pictures in `entries`, whose class is the folder that they lie in. Raises `SettingError`."""
    files = _below_the_class(list(archive.ours(entries)))
    beside = [entry for entry in files if len(entry.parts) < 2]
    files = sorted((entry for entry in files if len(entry.parts) >= 2), key=lambda entry: entry.parts)
    if not files:
        raise refuse(_("folders with pictures"), 0, _("a folder for each class, with its pictures in it"),
                     _("Such as cats/1.png and dogs/1.png."))
    numbers, class_names = labels.numbered([entry.parts[0] for entry in files], _("the folder"))
    digest, pictures, sizes, wrong, pixels = hashlib.sha256(), [], set(), [], 0
    for entry in files:
        if entry.size > MAX_FILE:
            raise refuse(listed(["/".join(entry.parts)]), _("{size:,} bytes").format(size=entry.size),
                         _("at most {most:,} bytes").format(most=MAX_FILE))
        content = entry.read()
        digest.update(content)
        try:
            picture = opened(content, "/".join(entry.parts))
        except NotAPicture:
            wrong.append("/".join(entry.parts))
            continue
        pixels += picture.width * picture.height
        if pixels > MAX_ALL_PIXELS:
            raise refuse(_("pixels of all pictures"), pixels, _("at most {most:,}").format(most=MAX_ALL_PIXELS),
                         _("Make the pictures smaller: the network sees {size} × {size} of each.").format(size=SIZE))
        sizes.add(picture.size)
        pictures.append(_small(picture))
    if wrong:
        raise refuse(_("files that are no pictures"), listed(wrong, 3), ", ".join(FORMATS),
                     _("{count} of {all} files cannot be read as pictures, whatever they are called. Take them "
                       "out.").format(count=len(wrong), all=len(files)))
    channels = 1 if all(picture.mode == "L" for picture in pictures) else 3
    kept = len(sizes) == 1 and all(SMALLEST <= side <= KEPT for side in next(iter(sizes)))
    found = [(_("form of the pictures"), _("{channels} channel(s), {sizes}").format(channels=channels, sizes=listed(
                 (f"{width} × {height}" for width, height in sorted(sizes)), 3))),
             (_("not read"), listed("/".join(entry.parts) for entry in beside) or _("none"))]
    if not kept:
        found.append((_("scaled"), _("to {size} × {size} pixels, with black at the sides where a picture is not "
                                     "square").format(size=SIZE)))
    arrays = np.stack([as_array(picture, channels, None if kept else (SIZE, SIZE)) for picture in pictures])
    return Collected(name, "images", numbers, class_names, sha256 or digest.hexdigest(), tuple(found), pictures=arrays)


def folder(path: Path) -> list[Entry]:
    """The files below `path`, in an order that does not depend on the machine. Links are refused, not followed."""
    found, total = [], 0
    for place, folders, names in os.walk(path):
        folders.sort()
        for name in sorted([*names, *(one for one in folders if (Path(place) / one).is_symlink())]):
            file = Path(place) / name
            about = file.lstat()
            parts = file.relative_to(path).parts
            if not stat.S_ISREG(about.st_mode):
                raise refuse(_("file in the folder"), "/".join(parts), _("an ordinary file, no link or device"))
            found.append(Entry(parts, about.st_size, file.read_bytes))
            total += about.st_size
            if len(found) > archive.MAX_FILES or total > archive.MAX_UNPACKED:
                raise refuse(_("files in the folder"), _("{count:,} of {size:,} bytes").format(
                    count=len(found), size=total), _("at most {count:,} of {size:,} bytes").format(
                    count=archive.MAX_FILES, size=archive.MAX_UNPACKED))
    return found


class NotAPicture(ValueError):
    """Bytes that Pillow cannot read as one of FORMATS."""


def opened(content: bytes, name: str) -> Image.Image:
    """The picture in `content`, upright, grey or RGB. Raises `NotAPicture`, and `SettingError` for too many pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                size = picture.size
                if size[0] * size[1] <= MAX_PIXELS:
                    picture.verify()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            size = None
        except Exception as error:
            raise NotAPicture(name) from error
    if size is None or size[0] * size[1] > MAX_PIXELS:
        raise refuse(_("pixels of {name}").format(name=listed([name])),
                     _("more than {most:,}").format(most=MAX_PIXELS) if size is None else size[0] * size[1],
                     _("at most {most:,}").format(most=MAX_PIXELS),
                     _("A small file can unpack to fill the memory. It was not unpacked."))
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)      # verify() uses the first one up
        picture.load()
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I"):        # 16 bits, which convert() would cut off at 255
            return Image.fromarray((np.asarray(picture).clip(0, 65_535) // 257).astype("uint8"))
        return picture.convert("L" if picture.mode in GREY else "RGB")
    except Exception as error:
        raise NotAPicture(name) from error


def as_array(picture: Image.Image, channels: int, size: tuple[int, int] | None) -> np.ndarray:
    """uint8 (channels, height, width); `size` is (width, height), or None to keep the picture's own."""
    picture = picture.convert("L" if channels == 1 else "RGB")
    if size is not None and picture.size != size:
        picture = ImageOps.pad(picture, size)
    array = np.array(picture, dtype="uint8")
    return array[None] if channels == 1 else array.transpose(2, 0, 1).copy()


def _small(picture: Image.Image) -> Image.Image:
    """A large picture is made small at once, so that a folder of photographs does not fill the memory."""
    return picture if max(picture.size) <= KEPT else ImageOps.pad(picture, (SIZE, SIZE))


def _below_the_class(files: list[Entry]) -> list[Entry]:
    """The files without the folders that hold all of them, as when a folder was packed with its own name."""
    while (len({entry.parts[0] for entry in files}) == 1 and all(len(entry.parts) > 1 for entry in files)
           and any(len(entry.parts) > 2 for entry in files)):
        files = [entry._replace(parts=entry.parts[1:]) for entry in files]
    return files
