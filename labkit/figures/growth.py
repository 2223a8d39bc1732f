"""How large models have grown: one quantity of each against the date, on a logarithmic axis."""
import math

import plotly.graph_objects as go

from labkit.figures.style import COLOURS, SYMBOLS, VERMILLION, pick, style, words
from labkit.language import _
from labkit.settings import choose

QUANTITIES = ("parameters", "active", "tokens", "flops")
SIZE = (600, 310)           # pixels that the points spread over in a stored picture; labels are placed for it
AROUND = {"top center": (0, 1), "bottom center": (0, -1), "middle right": (1, 0), "middle left": (-1, 0),
          "top right": (1, 1), "top left": (-1, 1), "bottom right": (1, -1), "bottom left": (-1, -1)}


def growth(models, quantity: str = "parameters", *, estimated=None, added: dict | None = None,
           title: str = "") -> go.Figure:
    """The points of `lk.data.large_models()`; rows without the quantity are left out.

    quantity    parameters, active, tokens or flops
    estimated   a boolean Series: points that are computed, not printed, are drawn hollow
    added       one more point, {"model": name, "year": 2026.0, quantity: value}, drawn as a star
    """
    labels = {"parameters": _("parameters"), "active": _("parameters that work on one token"),
              "tokens": _("tokens in training"), "flops": _("FLOPs of the training")}
    label = labels[choose("quantity", quantity, QUANTITIES)]
    looks = {kind: (pick(COLOURS, place), pick(SYMBOLS, place))
             for place, kind in enumerate(dict.fromkeys(models["kind"]))}
    models = models[models[quantity].notna()]
    last = max(2026, *models["year"], *([added["year"]] if added else [])) + 0.9
    points = list(zip(models["year"].round(2), models[quantity], models["model"], strict=True))
    if added:
        points.append((added["year"], added[quantity], str(added["model"])))
    places = _places(points, last)
    figure = go.Figure()
    for kind, (colour, symbol) in looks.items():
        rows = models["kind"] == kind
        if not rows.any():
            continue
        hollow = [estimated is not None and bool(estimated[row]) for row in models.index[rows]]
        mine = [place for place, is_mine in enumerate(rows) if is_mine]
        figure.add_scatter(
            x=[points[place][0] for place in mine], y=[points[place][1] for place in mine], mode="markers+text",
            text=[words(points[place][2]) for place in mine], textposition=[places[place] for place in mine],
            name=words(kind), textfont={"size": 11}, cliponaxis=False, hovertemplate="%{text}: %{y:.3g}<extra></extra>",
            marker={"color": colour, "size": 9, "line": {"width": 1.5, "color": colour},
                    "symbol": [symbol + "-open" * is_hollow for is_hollow in hollow]})
    if added:
        x, y, name = points[-1]
        figure.add_scatter(x=[x], y=[y], name=_("yours"), mode="markers+text", textposition=places[-1],
                           text=[words(name)], hovertemplate="%{y:.3g}<extra></extra>",
                           marker={"color": VERMILLION, "size": 14, "symbol": "star"})
    figure.update_xaxes(range=[2012, last], dtick=2)
    figure.update_yaxes(type="log", title_text=label, exponentformat="power", dtick=1)
    return style(figure, title, height=420)


def _places(points: list[tuple[float, float, str]], last: float) -> list[str]:
    """Where each point's name goes, so that as few names as can be cover one another or a point."""
    exponents = [math.log10(y) for _x, y, _text in points]
    low, high = min(exponents) - 0.5, max(exponents) + 0.5
    centres = [((x - 2012) / (last - 2012) * SIZE[0], (exponent - low) / (high - low) * SIZE[1])
               for (x, _y, _text), exponent in zip(points, exponents, strict=True)]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in centres]
    chosen = []
    for (x, y), (_x, _y, text) in zip(centres, points, strict=True):
        half = 3 * len(text)
        boxes = {}
        for place, (across, up) in AROUND.items():
            middle_x, middle_y = x + across * (half + (8 if up == 0 else 2)), y + up * 14
            boxes[place] = (middle_x - half, middle_y - 7, middle_x + half, middle_y + 7)
        best = min(boxes, key=lambda place: sum(_overlap(boxes[place], other) for other in taken)
                   + 10 * max(0, -boxes[place][0], boxes[place][2] - SIZE[0]))
        taken.append(boxes[best])
        chosen.append(best)
    return chosen


def _overlap(one: tuple, other: tuple) -> float:
    """The area that two boxes (left, bottom, right, top) share."""
    return (max(0, min(one[2], other[2]) - max(one[0], other[0]))
            * max(0, min(one[3], other[3]) - max(one[1], other[1])))
