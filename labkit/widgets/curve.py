"""The curves of a lab: a small widget that the training thread alone writes, and its still copy."""
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from labkit.faces import chinese, faces
from labkit.language import _, language
from labkit.widgets.still import LiveWidget, picture, script, style
from labkit.widgets.trace import Trace, decimate, in_words

# Three from Okabe & Ito 2008 and three darker ones: each has a contrast of 3:1 on a white and on a black ground.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B85C9A", "#A87B00", "#7A7A7A")


class LabCurve(LiveWidget):
    """Loss and accuracy against steps, drawn on canvas by curve.js from two small packets.

    `now` and `past` describe the run in hand and the earlier ones; `now_points` and `past_points` hold their
    steps and values as float32, in the order of the series described.
    """
    stand_in = "[live curves: run this cell to see them grow]"
    _esm = script("axes.js", "curve.js")
    _css = style()
    labels = traitlets.Dict().tag(sync=True)
    now = traitlets.Dict().tag(sync=True)
    now_points = traitlets.Bytes().tag(sync=True)
    past = traitlets.List().tag(sync=True)
    past_points = traitlets.Bytes().tag(sync=True)

    def __init__(self, title: str):
        super().__init__(labels={
            "title": title, "step": _("step"), "log": _("logarithmic axis"), "table": _("Show as table"),
            "goal": _("goal"), "train": _("train"), "validation": _("validation"),
            "loss": _("loss"), "accuracy": _("accuracy"), "run": _("run"), "value": _("value"),
            "keys": _("Curves. Left and right arrow keys read the values at a step.")})

    def publish(self, trace: Trace, legend: str, status: str, summary: str, goal: dict) -> None:
        """Send the run in hand: one message of a few kilobytes."""
        series, points = trace.packed()
        with self.hold_sync():
            self.now = {"legend": legend, "state": trace.state, "status": status, "summary": summary,
                        "series": series, "goal": goal, "number": trace.number, "steps": trace.steps,
                        "colour": COLOURS[trace.colour],
                        "words": {entry["name"]: in_words(entry["name"]) for entry in series}}
            self.now_points = points

    def publish_past(self, traces: list[Trace], texts: list[str]) -> None:
        """Send the earlier runs; needed only when one is added or removed."""
        packed = [trace.packed() for trace in traces]
        with self.hold_sync():
            self.past = [{"legend": text, "series": series, "number": trace.number, "steps": trace.steps,
                          "colour": COLOURS[trace.colour],
                          "words": {entry["name"]: in_words(entry["name"]) for entry in series}}
                         for trace, text, (series, _points) in zip(traces, texts, packed, strict=True)]
            self.past_points = b"".join(points for _series, points in packed)


def quantity(name: str) -> str:
    """What a series measures: `loss` for train_loss and validation_loss. One panel for each."""
    return name.split("_", 1)[1] if name.startswith(("train_", "validation_")) else name


def extent(values: np.ndarray) -> tuple[float, float]:
    """The lowest and highest value to show of a line. A spike far above the rest leaves the frame, as in curve.js."""
    low, high = np.quantile(values, [0.02, 0.98], method="nearest")
    return values.min(), min(values.max(), high + (high - low))


def still_picture(traces: list[Trace], texts: list[str], title: str) -> bytes:
    """The same curves as a PNG: the last run in full, the earlier ones thin. Validation is dashed.

    Its words are English, and runs go by their numbers, where the computer has no face for the learner's language.
    """
    words = _
    if language() == "zh" and not chinese():
        words, title, texts = str, "", [f"#{trace.number}" for trace in traces]
    names = list(dict.fromkeys(name for trace in traces for name in trace.columns))
    quantities = list(dict.fromkeys(map(quantity, names))) or ["loss"]
    keys = {}       # what the legend says -> a line that looks like it
    if len({name.startswith("validation_") for name in names}) > 1:
        keys = {words("train"): Line2D([], [], color="#616161"),
                words("validation"): Line2D([], [], color="#616161", linestyle="--")}
    figure = Figure(figsize=(9, 3.6))
    for axes, what in zip(figure.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        extents = []
        for trace, text in zip(traces, texts, strict=True):
            for name in (name for name in trace.columns if quantity(name) == what):
                validation, last = name.startswith("validation_"), trace is traces[-1]
                steps, values = decimate(*trace[name])      # all points of a long run cost seconds and 10 MB each
                if np.isfinite(values).any():
                    extents += extent(values[np.isfinite(values)])
                line, = axes.plot(steps, values, color=COLOURS[trace.colour],
                                  linestyle="--" if validation else "-", marker="o" if validation else None,
                                  markersize=3, linewidth=1.6 if last else 0.7, alpha=1 if last else 0.6)
                keys.setdefault(text, line)
        if extents and (margin := 0.05 * (max(extents) - min(extents))):
            axes.set_ylim(min(extents) - margin, max(extents) + margin)
        axes.set(xlabel=words("step"), ylabel=words(what.replace("_", " ")))
        axes.grid(alpha=0.3)
    note = words("a still copy: run the cell for the live lab")
    figure.suptitle(f"{title} · {note}" if title else note, fontsize=10)
    # Fixed margins draw in half the time of a "constrained" layout.
    figure.subplots_adjust(left=0.07, right=0.99, top=0.91, bottom=0.15 + 0.05 * -(-len(keys) // 3))
    figure.legend(keys.values(), keys.keys(), loc="lower center", ncols=3, fontsize=7, frameon=False)
    for text in figure.findobj(Text):
        text.set_fontfamily(faces())
        text.set_parse_math(False)
    return picture(figure)
