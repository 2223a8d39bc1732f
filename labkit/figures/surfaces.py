"""Surfaces in three dimensions, with paths on them."""
import numpy as np
import plotly.graph_objects as go

from labkit.figures.style import COLOURS, pick, style, words
from labkit.settings import refuse

SYMBOLS = ("circle", "diamond", "square", "cross", "x")      # those that plotly draws in three dimensions


def surface(xs, ys, heights, paths: dict | None = None, *, x: str = "", y: str = "", z: str = "",
            title: str = "") -> go.Figure:
    """`heights` (len(ys), len(xs)) over a grid, and `paths` on it: `{name: (xs, ys, heights)}`, the start marked.

    Axes are labelled `x`, `y` and `z`. A path that leaves the grid is cut there.
    """
    xs, ys, heights = (np.asarray(values, dtype="float32") for values in (xs, ys, heights))
    if heights.shape != (len(ys), len(xs)):
        raise refuse("heights.shape", heights.shape, f"({len(ys)}, {len(xs)})")
    figure = go.Figure(go.Surface(
        x=xs, y=ys, z=heights, colorscale=[(0, "#7A7A7A"), (1, "#F2F2F2")], showscale=False,
        lighting={"ambient": 1, "diffuse": 0, "specular": 0},       # the colour says the height and nothing else
        hovertemplate="%{x:.2f}, %{y:.2f}: %{z:.3g}<extra></extra>"))
    room = 0.01 * float(np.ptp(heights))       # a path on the surface itself would be half hidden in it
    for place, (name, path) in enumerate((paths or {}).items()):
        along = np.asarray(path, dtype="float32")
        inside = ((along[0] >= xs[0]) & (along[0] <= xs[-1]) & (along[1] >= ys[0]) & (along[1] <= ys[-1])
                  & (along[2] <= heights.max())).cumprod().astype(bool)
        along = along[:, inside]
        figure.add_scatter3d(x=along[0], y=along[1], z=along[2] + room, name=words(name), mode="lines+markers",
                             line={"color": pick(COLOURS, place), "width": 5},
                             marker={"color": pick(COLOURS, place), "size": 3, "symbol": pick(SYMBOLS, place)},
                             hovertemplate="%{x:.2f}, %{y:.2f}: %{z:.3g}")
    figure.update_layout(scene={
        "xaxis_title": words(x), "yaxis_title": words(y), "zaxis": {"title": {"text": words(z)}, "nticks": 5},
        "camera": {"eye": {"x": -1.0, "y": -1.35, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.15}},
        "aspectratio": {"x": 1, "y": 1, "z": 0.7}})
    return style(figure, title, height=400)
