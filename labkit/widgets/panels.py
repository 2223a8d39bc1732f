"""Panels: small drawings that the page makes from numbers, in both themes. Films and explorers are made of them.

    lk.panels.lines(steps, {"train": losses}, x="step", y="loss", log=True)
    lk.panels.image(weight, colours="diverging", title="weights of the first layer")

Data travel as bytes: an image as one byte a pixel, curves and bars as float32. Titles, axes and names of curves are
shown in the learner's language where the catalogue has them. Wrong values raise `SettingError`.
"""
import dataclasses
from dataclasses import dataclass, field

import numpy as np
import torch

from labkit.language import _
from labkit.settings import choose, refuse
from labkit.widgets.curve import COLOURS
from labkit.widgets.trace import KEPT_POINTS, decimate

SCRIPTS = ("axes.js", "panel_kinds.js", "panel_image.js", "panels.js")      # of a view that draws panels

# From the lowest value to the highest. Diverging: blue below the middle, vermillion above (Okabe & Ito 2008).
STOPS = {"grey": [(0, 0, 0), (255, 255, 255)],
         "blue": [(255, 255, 255), (86, 180, 233), (0, 114, 178), (0, 38, 77)],
         "diverging": [(0, 114, 178), (255, 255, 255), (213, 94, 0)]}
EMPTY = {"grey": (86, 180, 233), "blue": (150, 150, 150), "diverging": (150, 150, 150)}     # what is no number


@dataclass(frozen=True)
class Panel:
    """One drawing: its `kind`, its `title`, what else is needed to draw it, and its numbers as bytes.

    Made by `image`, `lines`, `bars`, `tokens`, `text` and `table`; equal panels draw equal pictures.
    """
    kind: str
    title: str = ""
    settings: dict = field(default_factory=dict)
    buffers: tuple[bytes, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)    # of axes and colours: see `aligned`

    @property
    def shape(self) -> tuple:
        """What two moments of a film must share: the kind and what is drawn, apart from its numbers."""
        return self.kind, *map(str, self.settings.get("size") or self.settings.get("names") or ())

    def describe(self) -> dict:
        """What the page needs beside the buffers, as JSON can hold it."""
        return {"kind": self.kind, "title": self.title, "summary": self.summary, **self.settings,
                **{name: list(limits) for name, limits in self.ranges.items()},
                **({"rows": self.rows} if self.kind == "table" else {})}

    @property
    def rows(self) -> list[list[str]]:
        """The rows of a table as they are shown."""
        return [[_(cell) for cell in row] for row in self.settings["rows"]]

    @property
    def summary(self) -> str:
        """What the drawing shows, in words, for those who cannot see it."""
        if self.kind == "image":
            height, width = self.settings["size"][-2:]
            low, high = self.ranges.get("range", (0, 255))
            return _("{height} × {width} pixels, colours from {low:.3g} to {high:.3g}").format(
                height=height, width=width, low=low, high=high)
        if self.kind in ("lines", "bars"):
            low, high = self.ranges["y_range"]
            return _("{names}, axis from {low:.3g} to {high:.3g}").format(
                names=", ".join(self.settings["names"]), low=low, high=high)
        return ""

    def titled(self, title: str) -> "Panel":
        """The panel, headed by `title` if it has no title of its own."""
        return dataclasses.replace(self, title=self.title or title)

    def floats(self, place: int) -> np.ndarray:
        """The numbers of buffer `place` (float32), for those who draw or test a panel in Python."""
        return np.frombuffer(self.buffers[place], "float32")


def packet(panels: dict[str, Panel]) -> list[dict]:
    """Panels as one trait carries them to the page; ipywidgets sends the bytes in it as they are."""
    return [{"name": name, "description": panel.describe(), "buffers": list(panel.buffers)}
            for name, panel in panels.items()]


def labels() -> dict:
    """The words and colours of the page's renderer, which a widget passes on in a trait."""
    return {"table": _("Show as table"), "row": _("row"), "column": _("column"), "value": _("value"),
            "name": _("name"), "missing": _("not a finite number"), "tile": _("tile"), "colours": COLOURS,
            "read": _("Arrow keys read the values."), "pick": _("Click or use the arrow keys to choose a point.")}


def aligned(panels: list[Panel]) -> list[Panel]:
    """The panels with the ranges that hold them all, so that what moves from one to the next moves in truth."""
    common = {name: (min(panel.ranges[name][0] for panel in panels), max(panel.ranges[name][1] for panel in panels))
              for name in panels[0].ranges}
    return [dataclasses.replace(panel, ranges=common) for panel in panels]


def image(values, *, title: str = "", low: float | None = None, high: float | None = None, colours: str = "grey",
          marks: list[tuple] | None = None, x_range: tuple | None = None, y_range: tuple | None = None) -> Panel:
    """A picture of `values`: numbers of shape (height, width), or a uint8 colour image (3, height, width).

    low, high   the values at the ends of the colours; by default the smallest and the largest finite one, of
                "diverging" the largest size with both signs. What lies outside is drawn like the nearer end; what is
                no finite number has a colour of its own.
    colours     "grey" (low is black), "blue" (low is white) or "diverging" (the middle is white)
    marks       [(x, y, text), ...] drawn over the picture, in its coordinates
    x_range     the x of the first and of the last column; by default their numbers, from 0
    y_range     the y of the first and of the last row, and y then grows upwards as in a plot: the first row lies at
                the bottom. Without it the first row lies at the top, as in a picture.
    """
    array = _array(values)
    colour = array.ndim == 3 and array.shape[0] == 3 and array.dtype == np.uint8
    if not (array.ndim == 2 or colour) or not array.size:
        raise refuse("values", f"{array.dtype} {array.shape}",
                     _("numbers of shape (height, width), or uint8 of shape (3, height, width)"))
    choose("colours", colours, STOPS)
    height, width = array.shape[-2:]
    x_range, y_range = _ends("x_range", x_range), _ends("y_range", y_range)
    settings = {"size": [*array.shape], "up": y_range is not None, "axes": bool(x_range or y_range),
                "x": x_range or [0, max(1, width - 1)], "y": y_range or [0, max(1, height - 1)]}
    ranges = {}
    if colour:
        data = array.tobytes()
    else:
        ranges["range"] = low, high = _colour_range(array, low, high, colours)
        data, coding = _as_bytes(array, low, high)
        settings |= {**coding, "colours": STOPS[colours], "empty": EMPTY[colours]}
    buffers = [data]
    if marks:
        texts = list(dict.fromkeys(str(text) for _x, _y, text in marks))
        settings["marks"] = texts
        buffers += [_float32([(x, y) for x, y, _text in marks]).tobytes(),
                    _float32([texts.index(str(text)) for _x, _y, text in marks]).tobytes()]
    return Panel("image", _(title), settings, tuple(buffers), ranges)


def lines(xs, curves: dict, *, x: str = "", y: str = "", log: bool = False, log_x: bool = False, title: str = "",
          y_range: tuple[float, float] | None = None) -> Panel:
    """Curves `{name: ys}` over `xs`, or `{name: (xs, ys)}` where one has its own.

    `x` and `y` name the axes; `log` and `log_x` make them logarithmic, which leaves out what is not above 0.
    `y_range` fixes the vertical axis; by default it holds every finite value.
    """
    if not curves:
        raise refuse("curves", curves, _("at least one"))
    buffers: dict[bytes, int] = {}      # curves over the same xs send them once
    places, all_x, all_y = [], [], []
    for name, ys in curves.items():
        own = isinstance(ys, tuple) and len(ys) == 2 and np.ndim(ys[0]) == 1
        pair = [_array(values).astype("float64") for values in (ys if own else (xs, ys))]
        if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or not pair[0].size:
            raise refuse(f"curves[{name!r}]", f"{pair[0].shape}, {pair[1].shape}",
                         _("as many values as there are on the x axis, at least one"))
        line_x, line_y = map(_float32, decimate(*pair)) if len(pair[0]) > KEPT_POINTS else map(_float32, pair)
        all_x, all_y = [*all_x, line_x], [*all_y, line_y]
        places.append([buffers.setdefault(values.tobytes(), len(buffers)) for values in (line_x, line_y)])
    settings = {"names": [_(str(name)) for name in curves], "places": places, "x": _(x), "y": _(y),
                "log": bool(log), "log_x": bool(log_x)}
    ranges = {"x_range": _range(np.concatenate(all_x), log_x, margin=0),
              "y_range": _ends("y_range", y_range, log) or _range(np.concatenate(all_y), log)}
    return Panel("lines", _(title), settings, tuple(buffers), ranges)


def bars(values: dict, *, y: str = "", log: bool = False, title: str = "",
         y_range: tuple[float, float] | None = None) -> Panel:
    """A bar for each `{name: value}`, one below the other; `y` names what is measured, along the bottom.

    `log` makes its axis logarithmic; `y_range` fixes it, by default it holds every value, and 0 if it is linear.
    """
    if not values:
        raise refuse("values", values, _("at least one"))
    numbers = _float32(_array(list(values.values())))
    shown = numbers if log else np.append(numbers, np.float32(0))
    settings = {"names": [_(str(name)) for name in values], "y": _(y), "log": bool(log)}
    ranges = {"y_range": _ends("y_range", y_range, log) or _range(shown, log)}
    return Panel("bars", _(title), settings, (numbers.tobytes(),), ranges)


def tokens(words: list[str], values=None, title: str = "") -> Panel:
    """Tokens in a row that wraps; a number for each in `values` is drawn as a bar below it and read on hover."""
    words = [str(word) for word in words]
    if values is None:
        return Panel("tokens", _(title), {"tokens": words})
    numbers = _float32(_array(values))
    if numbers.shape != (len(words),):
        raise refuse("values", numbers.shape, _("one number for each of the {count} tokens").format(count=len(words)))
    finite = np.abs(numbers[np.isfinite(numbers)])
    ranges = {"range": (0.0, float(finite.max()) if finite.any() else 1.0)}
    return Panel("tokens", _(title), {"tokens": words}, (numbers.tobytes(),), ranges)


def text(words: str, title: str = "") -> Panel:
    """`words` as they are, with their line breaks."""
    return Panel("text", _(title), {"text": str(words)})


def table(rows: list[list], header: list, title: str = "") -> Panel:
    """A table; numbers are shown with four digits, words in the learner's language where the catalogue has them.

    The panel's own settings keep the words as they are given, for code that reads them.
    """
    for row in rows:
        if len(row) != len(header):
            raise refuse("rows", row, _("{count} cells in each row, as in the header").format(count=len(header)))
    shown = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return Panel("table", _(title), {"header": [_(str(cell)) for cell in header], "rows": shown})


def _array(values) -> np.ndarray:
    """Values as numbers in NumPy; bytes stay bytes, everything else becomes float64."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values if values.dtype == torch.uint8 else values.double()
    array = np.asarray(values)
    return array if array.dtype == np.uint8 else array.astype("float64")


def _float32(values) -> np.ndarray:
    with np.errstate(over="ignore"):        # what float32 cannot hold becomes infinite, and is left out
        return np.asarray(values, "float64").astype("float32")


def _ends(name: str, limits, log: bool = False) -> list[float] | None:
    if limits is None:
        return None
    start, end = map(float, limits)
    if not (np.isfinite([start, end]).all() and start < end and (start > 0 or not log)):
        raise refuse(name, limits, _("two numbers, the smaller first, above 0 on a logarithmic axis"))
    return [start, end]


def _range(values: np.ndarray, log: bool, margin: float = 0.05) -> tuple[float, float]:
    """The range of an axis that holds the finite (of `log`: positive) values, with a margin at both ends."""
    values = values[np.isfinite(values) & (values > 0 if log else True)].astype("float64")
    if not values.size:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        room = max((high / low) ** margin, 1 if low < high else 2)
        return low / room, high * room
    room = margin * (high - low) or (0 if low < high else abs(low) / 10 or 1)
    return low - (room if low else 0), high + (room if high else 0)     # an axis that starts at 0 stays there


def _colour_range(array: np.ndarray, low, high, colours: str) -> tuple[float, float]:
    if array.dtype == np.uint8:
        least, most = 0, 255
    else:
        finite = array[np.isfinite(array)]
        least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if colours == "diverging":
        most = max(abs(least), abs(most))
        least = -most
    low, high = float(least if low is None else low), float(most if high is None else high)
    if low > high:
        raise refuse("low", low, _("a number below high = {high}").format(high=high))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _as_bytes(array: np.ndarray, low: float, high: float) -> tuple[bytes, dict]:
    """One byte a pixel: value = offset + unit * byte. Whole numbers that fit are kept exactly.

    Byte 255 stands for what is no finite number, if there is such a pixel.
    """
    finite = np.isfinite(array)
    levels = 255 if finite.all() else 254
    known = array[finite].astype("float64")
    if known.size and (known == known.round()).all() and np.ptp(known) <= levels:
        offset, unit = float(known.min()), 1.0
    else:
        offset, unit = low, (high - low) / levels
    data = np.full(array.shape, 255, "uint8")
    data[finite] = ((known - offset) / unit).round().clip(0, levels).astype("uint8")
    return data.tobytes(), {"offset": offset, "unit": unit, "missing": levels == 254}
