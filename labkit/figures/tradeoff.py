"""What is paid for what: alternatives as points, and the ones that no other beats."""
import statistics

import plotly.graph_objects as go

from labkit.figures.style import COLOURS, INK, SYMBOLS, pick, style, words
from labkit.language import _
from labkit.settings import refuse

MARKS = (*SYMBOLS, *(f"{symbol}-open" for symbol in SYMBOLS[:4]))


def tradeoff(points: dict, *, x: str = "", y: str = "", form: str = ".1%", log: bool = True,
             title: str = "") -> go.Figure:
    """A point for each `{name: (xs, ys)}`, a value for each seed; low x and high y are wanted.

    Points are means, bars the range over the seeds. A line joins the Pareto front: those that no other point equals or
    beats in both. `form` is the format of y; `log` makes x logarithmic.
    """
    means = {}
    for name, (xs, ys) in points.items():
        if not len(xs) or len(xs) != len(ys):
            raise refuse(f"points[{name!r}]", (len(xs), len(ys)), _("as many values of x as of y, at least one"))
        means[name] = statistics.mean(xs), statistics.mean(ys)
    best = front(means)
    figure = go.Figure(go.Scatter(
        x=[means[name][0] for name in best], y=[means[name][1] for name in best], mode="lines",
        line={"color": INK, "width": 1, "dash": "dot"}, name=_("none is better in both"), hoverinfo="skip"))
    for place, (name, (xs, ys)) in enumerate(points.items()):
        mean_x, mean_y = means[name]
        bars = {"error_x": (xs, mean_x), "error_y": (ys, mean_y)} if len(xs) > 1 else {}
        figure.add_scatter(
            x=[mean_x], y=[mean_y], mode="markers", name=words(name),
            marker={"color": pick(COLOURS, place), "symbol": pick(MARKS, place), "size": 11, "line": {"width": 2}},
            hovertemplate=f"%{{x:.3g}}, %{{y:{form}}}",
            **{axis: {"array": [max(values) - mean], "arrayminus": [mean - min(values)], "symmetric": False,
                      "thickness": 1} for axis, (values, mean) in bars.items()})
    figure.update_xaxes(title_text=words(x), type="log" if log else "linear")
    figure.update_yaxes(title_text=words(y), tickformat=".0%" if form.endswith("%") else None)
    return style(figure, title, height=420)


def front(means: dict) -> list:
    """The names whose (x, y) no other one equals or beats in both, from the lowest x up; of equal points, the first."""
    best, height = [], None
    for name, (_x, y) in sorted(means.items(), key=lambda point: (point[1][0], -point[1][1])):
        if height is None or y > height:
            best.append(name)
            height = y
    return best
