"""The look that all figures share: colours, marks, template, sizes.

Colours are Okabe and Ito's (2008), which colour-blind readers can tell apart; lines differ in dash or marker too.
The paper is white in both themes of JupyterLab, since a stored picture cannot know the theme of the page that it
will be read on.
"""
import html
import re

import numpy as np
import plotly.graph_objects as go

from labkit.language import _

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, "#000000", "#E69F00", "#56B4E9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "cross")
INK, GRID, LIGHT_BLUE = "#262626", "#E5E5E5", "#9EC9E2"
FONT = ("Noto Sans, Open Sans, Segoe UI, Helvetica, Arial, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, "
        "sans-serif")      # Latin faces first: Chinese characters come from the first face that has them
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
POINTS = 2000          # the most points of one line that are stored in a notebook

_AXIS = {"gridcolor": GRID, "zeroline": False, "showline": True, "linecolor": "#8C8C8C",
         "ticks": "outside", "tickcolor": "#8C8C8C", "automargin": True,
         "title": {"font": {"size": 13}, "standoff": 10}, "minorloglabels": "complete"}
TEMPLATE = go.layout.Template(layout={
    "font": {"family": FONT, "size": 13, "color": INK}, "colorway": COLOURS,
    "paper_bgcolor": "white", "plot_bgcolor": "white", "xaxis": _AXIS, "yaxis": _AXIS,
    "title": {"font": {"size": 15}, "x": 0, "xref": "paper", "xanchor": "left"},
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    "hoverlabel": {"font": {"family": FONT}, "align": "left"}})


def words(text) -> str:
    """A name or label in the learner's language; plotly, which reads texts as HTML, shows its letters as they are."""
    return letters(_(str(text)))


def letters(text: str) -> str:
    """`text` as HTML that shows it. Signs that XML does not have, such as NUL, would break the SVG."""
    return html.escape(NOT_IN_XML.sub("\ufffd", text), quote=False)


def style(figure: go.Figure, title: str = "", height: int = 360) -> go.Figure:
    """One look for all: template, title, size, small margins."""
    title = words(title)
    figure.update_layout(template=TEMPLATE, height=height, margin={"l": 8, "r": 24, "t": 32, "b": 8})
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    if title and len(named) > 1:
        # As the legend's own title it makes room for itself, however many lines the legend needs.
        return figure.update_layout(legend_title={"text": title, "side": "top", "font": {"size": 15}})
    return figure.update_layout(title_text=title or None, margin_t=40 if title else 32)


def pick(choices: tuple, place: int):
    return choices[place % len(choices)]


def points(xs, ys) -> dict:
    """x and y as float32, 5 bytes each in a notebook; a long line keeps every k-th point, and its last."""
    keep = np.arange(len(ys) - 1, -1, -max(1, -(-len(ys) // POINTS)))[::-1]
    return {"x": np.asarray(xs, dtype="float32")[keep], "y": np.asarray(ys, dtype="float32")[keep]}
