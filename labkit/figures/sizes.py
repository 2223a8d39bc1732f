"""Figures of how large models are, and of single numbers beside one another."""
import math

import plotly.graph_objects as go

from labkit.figures.plain import bars
from labkit.figures.style import BLUE, VERMILLION, style, words
from labkit.language import _


def parameters(counted: dict, published: dict, large: tuple[float, float] | None = None, title: str = "") -> go.Figure:
    """Parameters of named models on a logarithmic axis: counted as points, published as open diamonds.

    `large` shades a range of counts, such as what a text calls large.
    """
    names = list(counted)[::-1]
    figure = go.Figure()
    for values, label, symbol, size, colour in ((counted, _("counted"), "circle", 9, BLUE),
                                                (published, _("published"), "diamond-open", 13, VERMILLION)):
        figure.add_scatter(x=[values[name] for name in names], y=[words(name) for name in names], mode="markers",
                           marker={"symbol": symbol, "size": size, "color": colour, "line": {"width": 2}},
                           name=label, hovertemplate="%{y}: %{x:,.0f}<extra></extra>")
    if large is not None:
        figure.add_vrect(*large, fillcolor=BLUE, opacity=0.08, line_width=0)
        figure.add_annotation(x=sum(map(math.log10, large)) / 2, y=1, yref="paper", yanchor="top", showarrow=False,
                              text=_("billions to hundreds of billions"), font={"size": 12})
    figure.update_xaxes(type="log", title_text=_("parameters"), dtick=1, exponentformat="B")
    return style(figure, title, height=min(420, 130 + 26 * len(names)))


def amounts(values: dict, *, y: str = "", form: str = ".3g", reference: dict | None = None,
            title: str = "") -> go.Figure:
    """One bar for each `{name: number}`; `form` and `reference` as in `bars`, which is for several seeds."""
    figure = bars({name: [value] for name, value in values.items()}, y=y, form=form, reference=reference, title=title)
    figure.data = [trace for trace in figure.data if trace.type == "bar"]
    figure.update_traces(error_y=None, hovertemplate=f"%{{y:{form}}}<extra></extra>")
    return figure.update_layout(showlegend=False)
