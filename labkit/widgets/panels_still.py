"""The still copy of panels: the drawings of panels.js, made with matplotlib on white."""
import textwrap
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.text import Text

from labkit.widgets.curve import CHINESE_FACES, COLOURS
from labkit.widgets.panels import Panel
from labkit.widgets.still import picture as png

DASHES = ("-", (0, (4, 3)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (8, 3)))
BELOW_CHINESE = "\u2e80"        # the first of the characters that only a Chinese face has
WIDTH = 9.0             # inches, as the other still copies


@cache
def faces() -> list[str]:
    """Matplotlib's own face, then one with Chinese characters if this computer has one."""
    known = get_font_names()
    return ["DejaVu Sans", *[face for face in CHINESE_FACES if face in known][:1]]


def picture(rows: list[list[Panel]], captions: list[str], title: str = "", note: str = "") -> bytes:
    """The PNG of panels: a row for each list, headed by its caption, or a column for each if there are several."""
    columns = len(rows) > 1
    count = max(map(len, rows))
    shape = (count, len(rows)) if columns else (-(-count // 3), min(count, 3))
    heights = [max(_height(panel) for panel in same) for same in zip(*rows, strict=True)] if columns else \
        [max(map(_height, rows[0][i:i + 3])) for i in range(0, count, 3)]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.5), layout="constrained")
    grid = figure.subplots(*shape, squeeze=False, height_ratios=heights)
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (panels, caption) in enumerate(zip(rows, captions, strict=True)):
        for number, panel in enumerate(panels):
            axes = grid[number, place] if columns else grid[number // 3, number % 3]
            draw(axes, panel)
            head = "\n".join(textwrap.wrap(panel.title, 40))
            axes.set_title(f"{caption}\n{head}".strip() if columns and not number else head, fontsize=9)
    figure.suptitle(" · ".join(filter(None, [title, note])), fontsize=10)
    for text in figure.findobj(Text):
        text.set_fontfamily(faces())
        if len(faces()) == 1:       # better no character than an empty box
            text.set_text("".join(character for character in text.get_text() if character < BELOW_CHINESE))
    return png(figure)


def _height(panel: Panel) -> float:
    """Inches."""
    if panel.kind == "image":
        height, width = panel.settings["size"][-2:]
        return min(2.8, 0.6 + 2.6 * height / width)
    rows = {"lines": 12, "bars": 12, "table": len(panel.settings.get("rows", ())[:12]) + 1,
            "tokens": len(_wrapped(_of_tokens(panel))), "text": len(_wrapped(panel.settings.get("text", "")))}
    return 0.5 + 0.17 * rows[panel.kind]


def draw(axes: Axes, panel: Panel) -> None:
    """Draw `panel`, without its title, in `axes`."""
    {"image": _image, "lines": _lines, "bars": _bars, "tokens": _tokens, "text": _text, "table": _table}[panel.kind](
        axes, panel)


def _image(axes: Axes, panel: Panel) -> None:
    s = panel.settings
    data = np.frombuffer(panel.buffers[0], "uint8").reshape(s["size"])
    half_x, half_y = ((s[name][1] - s[name][0]) / max(1, count - 1) / 2
                      for name, count in (("x", data.shape[-1]), ("y", data.shape[-2])))
    ends = s["y"][0] - half_y, s["y"][1] + half_y
    extent = (s["x"][0] - half_x, s["x"][1] + half_x, *(ends if s["up"] else ends[::-1]))
    look = {"origin": "lower" if s["up"] else "upper", "extent": extent, "interpolation": "nearest",
            "aspect": half_x / half_y}
    if data.ndim == 3:
        axes.imshow(data.transpose(1, 2, 0), **look)
    else:
        low, high = panel.ranges["range"]
        values = np.ma.masked_array(s["offset"] + s["unit"] * data, mask=s["missing"] & (data == 255))
        colours = LinearSegmentedColormap.from_list("panel", np.array(s["colours"]) / 255)
        colours.set_bad(np.array(s["empty"]) / 255)
        shown = axes.imshow(values, cmap=colours, vmin=low, vmax=high, **look)
        bar = axes.figure.colorbar(shown, ax=axes, ticks=[low, high], format="%.3g", fraction=0.05)
        bar.ax.tick_params(labelsize=7)
    axes.set_axis_on()
    if not s["axes"]:
        axes.set(xticks=[], yticks=[])
    _small(axes)
    if "marks" in s:
        paper = {"boxstyle": "round,pad=0.05", "facecolor": "white", "linewidth": 0, "alpha": 0.7}
        for (x, y), text in zip(panel.floats(1).reshape(-1, 2), panel.floats(2), strict=True):
            axes.text(x, y, s["marks"][int(text)], ha="center", va="center", fontsize=6, parse_math=False,
                      clip_on=True, bbox=paper)


def _small(axes: Axes) -> None:
    axes.tick_params(labelsize=7)
    axes.xaxis.label.set_size(8)
    axes.yaxis.label.set_size(8)


def _lines(axes: Axes, panel: Panel) -> None:
    s = panel.settings
    axes.set_axis_on()
    for i, (name, (x, y)) in enumerate(zip(s["names"], s["places"], strict=True)):
        xs, ys = panel.floats(x), panel.floats(y)
        axes.plot(xs, ys, color=COLOURS[i % len(COLOURS)], linestyle=DASHES[i % len(DASHES)], label=name,
                  marker="o" if len(xs) < 15 else None, markersize=3)
    axes.set(xlabel=s["x"], ylabel=s["y"], xscale="log" if s["log_x"] else "linear",
             yscale="log" if s["log"] else "linear", xlim=panel.ranges["x_range"], ylim=panel.ranges["y_range"])
    axes.grid(alpha=0.3)
    _small(axes)
    if len(s["names"]) > 1:
        axes.legend(fontsize=6, handlelength=3)


def _bars(axes: Axes, panel: Panel) -> None:
    s, values = panel.settings, panel.floats(0)
    axes.set_axis_on()
    places = np.arange(len(values))
    axes.barh(places, np.where(np.isfinite(values), values, np.nan), color=COLOURS[0])
    names = [name if len(name) < 24 else f"{name[:22]}…" for name in s["names"]]
    every = -(-len(names) // 16)
    axes.set_yticks(places[::every], names[::every])
    axes.invert_yaxis()
    axes.set(xlabel=s["y"], xscale="log" if s["log"] else "linear", xlim=panel.ranges["y_range"])
    axes.grid(alpha=0.3, axis="x")
    _small(axes)


def _tokens(axes: Axes, panel: Panel) -> None:
    _write(axes, _of_tokens(panel))


def _text(axes: Axes, panel: Panel) -> None:
    _write(axes, panel.settings["text"])


def _of_tokens(panel: Panel) -> str:
    words = [repr(token)[1:-1].replace(" ", "␣") for token in panel.settings.get("tokens", ())]
    if panel.kind == "tokens" and panel.buffers:
        words = [f"{word} ({value:.2g})" for word, value in zip(words, panel.floats(0), strict=True)]
    return "  ".join(words)


def _wrapped(words: str) -> list[str]:
    lines = [line for part in words.splitlines() for line in textwrap.wrap(part, 46) or [""]]
    return lines if len(lines) <= 10 else [*lines[:9], "…"]


def _write(axes: Axes, words: str) -> None:
    axes.text(0, 1, "\n".join(_wrapped(words)), transform=axes.transAxes, va="top", fontsize=8, parse_math=False)


def _table(axes: Axes, panel: Panel) -> None:
    s = panel.settings
    rows = s["rows"] if len(s["rows"]) <= 12 else [*s["rows"][:11], ["…"] * len(s["header"])]
    table = axes.table(cellText=rows or [[""] * len(s["header"])], colLabels=s["header"], loc="upper center",
                       cellLoc="left")
    table.auto_set_font_size(False)
    table.set_fontsize(7)
