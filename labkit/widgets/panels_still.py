"""The still copy of panels: the drawings of panels.js, made with matplotlib on white."""
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text

from labkit.faces import drawable, faces
from labkit.widgets.curve import COLOURS
from labkit.widgets.panels import Panel
from labkit.widgets.still import picture as png

DASHES = ("-", (0, (4, 3)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (8, 3)))
MARKERS = dict(zip("●▲■◆★✚▼✖", "o^sD*PvX", strict=True))       # drawn much faster than as words
WIDTH, ABOVE = 9.0, 0.4         # inches: of the picture, and for a panel's title


def picture(rows: list[list[Panel]], captions: list[str], title: str = "", note: str = "") -> bytes:
    """The PNG of panels: three beside each other; or of several lists, each a column below its caption."""
    if len(rows) > 1:
        grid = [list(same) for same in zip(*rows, strict=True)]
    else:
        grid = [rows[0][i:i + 3] for i in range(0, len(rows[0]), 3)]
    width = WIDTH / max(map(len, grid))
    heights = [max(map(_height, line)) for line in grid]
    heading = " · ".join(filter(None, [title, note]))
    head = 0.15 + 0.17 * (heading.count("\n") + 1) + (0.2 if any(captions) else 0)
    total = sum(heights) + head
    top = total - head
    figure = Figure(figsize=(WIDTH, total))
    figure.suptitle(heading, fontsize=10, y=1 - 0.1 / total, va="top", parse_math=False)
    for column, caption in enumerate(captions):
        figure.text((column + 0.5) * width / WIDTH, top / total, caption, fontsize=9, weight="bold", ha="center",
                    parse_math=False)
    for line, height in zip(grid, heights, strict=True):
        for column, panel in enumerate(line):
            left = column * width + (1.2 if panel.kind == "bars" else 0.55)
            right = (column + 1) * width - (0.6 if panel.kind == "image" else 0.3)
            bottom, up = top - height + _below(panel), height - ABOVE - _below(panel)
            axes = figure.add_axes((left / WIDTH, bottom / total, (right - left) / WIDTH, up / total))
            axes.set_axis_off()
            axes.set_title("\n".join(textwrap.wrap(panel.title, 38, max_lines=2, placeholder=" …")), fontsize=9,
                           parse_math=False)
            draw(axes, panel)
        top -= height
    for text in figure.findobj(Text):
        text.set_fontfamily(faces())
        text.set_text(drawable(text.get_text()))        # better no character than an empty box
    return png(figure)


def _height(panel: Panel) -> float:
    """Inches, with the title above and the axis below."""
    if panel.kind == "image":
        height, width = panel.settings["size"][-2:]
        return ABOVE + _below(panel) + min(2.0, 2.0 * height / width)
    lines = {"lines": 11, "bars": 11, "table": len(panel.settings.get("rows", ())[:12]) + 1,
             "tokens": len(_wrapped(_of_tokens(panel))), "text": len(_wrapped(panel.settings.get("text", "")))}
    return ABOVE + _below(panel) + 0.18 * lines[panel.kind]


def _below(panel: Panel) -> float:
    return 0.45 if panel.kind in ("lines", "bars") or panel.settings.get("axes") else 0.1


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
        colours = LinearSegmentedColormap.from_list("panel", np.array(s["colours"]) / 255).with_extremes(
            bad=np.array(s["empty"]) / 255)
        shown = axes.imshow(values, cmap=colours, vmin=low, vmax=high, **look)
        axes.set_anchor("E")
        place = axes.get_position(original=True)
        beside = axes.figure.add_axes((place.x1 + 0.008, place.y0, 0.012, place.height))
        bar = axes.figure.colorbar(shown, cax=beside, ticks=[low, high], format="%.3g")
        bar.ax.tick_params(labelsize=7)
    axes.set_axis_on()
    if not s["axes"]:
        axes.set(xticks=[], yticks=[])
    _small(axes)
    for number, mark in enumerate(s.get("marks", ())):
        places = panel.floats(1).reshape(-1, 2)[panel.floats(2) == number]
        if mark in MARKERS:
            axes.scatter(*places.T, s=16, c="black", edgecolors="white", linewidths=0.6, marker=MARKERS[mark])
            continue
        for x, y in places:
            axes.text(x, y, mark, ha="center", va="center", fontsize=6, parse_math=False, clip_on=True,
                      bbox={"boxstyle": "round,pad=0.05", "facecolor": "white", "linewidth": 0, "alpha": 0.7})
    axes.set(xlim=extent[:2], ylim=extent[2:])


def _small(axes: Axes) -> None:
    axes.tick_params(which="both", labelsize=7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(size=8, parse_math=False)
        axis.labelpad = 1       # room for a Chinese name beside wide numbers


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
        for text in axes.legend(fontsize=6, handlelength=3).get_texts():
            text.set_parse_math(False)


def _bars(axes: Axes, panel: Panel) -> None:
    s, values = panel.settings, panel.floats(0)
    axes.set_axis_on()
    places = np.arange(len(values))
    axes.barh(places, np.where(np.isfinite(values), values, np.nan), color=COLOURS[0])
    names = [name if len(name) < 24 else f"{name[:22]}…" for name in s["names"]]
    every = -(-len(names) // 16)
    axes.set_yticks(places[::every], names[::every], parse_math=False, fontfamily=faces())
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
    lines = [line for part in words.splitlines() for line in textwrap.wrap(part, 40) or [""]]
    return lines if len(lines) <= 10 else [*lines[:9], "…"]


def _write(axes: Axes, words: str) -> None:
    axes.text(0, 1, "\n".join(_wrapped(words)), transform=axes.transAxes, va="top", fontsize=8, parse_math=False)


def _table(axes: Axes, panel: Panel) -> None:
    s = panel.settings
    rows = panel.rows if len(panel.rows) <= 12 else [*panel.rows[:11], ["…"] * len(s["header"])]
    cells = [[textwrap.shorten(cell, 60 // len(row), placeholder="…") for cell in row] for row in [s["header"], *rows]]
    table = axes.table(cellText=cells, cellLoc="left", loc="upper center")
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for cell in table.get_celld().values():
        cell.get_text().set(parse_math=False, fontfamily=faces())
