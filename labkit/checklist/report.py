"""What a step says of itself: rows of two cells, which line up in any script and carry their own words."""
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.language import _

LONGEST = 60        # letters of a name in a list: a stranger's table may have one of 100,000


class Reported:
    """A result whose text is its report: a table of two columns, a row for each thing found, done or chosen."""

    def rows(self) -> Iterable[tuple[str, str]]:
        """What and what about it, in the reader's language."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return table(self.rows())


def table(rows: Iterable[Iterable]) -> str:
    """Rows of cells as lines of text, each column as wide as its widest cell; a Chinese character counts as two."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
                     .rstrip() for row in cells)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def listed(names: Iterable, most: int = 6) -> str:
    """The first `most` names, shortened where they are long, and how many more there are."""
    names = [name if len(name) <= LONGEST else name[:LONGEST - 1] + "…" for name in map(str, names)]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else _("{names} and {count} more").format(names=shown, count=len(names) - most)


@dataclass(frozen=True, repr=False)
class Collected(Reported):
    """The data as they came, checked and not yet changed.

    kind        "table" or "images"
    labels      class numbers (N,), int64, whose names are `class_names`
    frame       of a table: a pandas DataFrame of the inputs alone; numbers are float64 (missing: NaN), everything else
                is text (missing: None)
    pictures    of images: uint8 (N, channels, height, width)
    sha256      of the bytes that were read
    found       (what, about it): what the intake noticed
    """
    name: str
    kind: str
    labels: object
    class_names: tuple[str, ...]
    sha256: str
    found: tuple[tuple[str, str], ...]
    frame: object = None
    pictures: object = None
    licence: str = ""
    source: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self):
        counts = [int((self.labels == number).sum()) for number in range(len(self.class_names))]
        yield _("data"), self.name
        yield _("examples"), f"{len(self):,}"
        yield from self.found
        yield _("classes and their examples"), listed(f"{name} ({count:,})" for name, count in
                                   zip(self.class_names, counts, strict=True))
        yield _("licence"), self.licence or _("not stated: may you use these data, and for this?")
        yield "SHA-256", self.sha256[:16] + "…"
