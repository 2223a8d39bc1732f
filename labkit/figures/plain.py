"""Figures of plain numbers: curves, bars with their seeds, contact sheets of images."""
import textwrap

import numpy as np
import plotly.graph_objects as go

from labkit.figures.style import (
    BLUE,
    COLOURS,
    DASHES,
    INK,
    LIGHT_BLUE,
    SYMBOLS,
    VERMILLION,
    letters,
    pick,
    points,
    style,
    words,
)
from labkit.language import _
from labkit.settings import refuse


def lines(values, curves: dict, /, *, x: str = "", y: str = "", log: bool = False,
          title: str = "") -> go.Figure:
    """Curves over the same `values`: `{name: ys}`. `x` and `y` label the axes; `log` makes y logarithmic."""
    figure = go.Figure()
    mode = "lines" if len(values) > 30 else "lines+markers"
    for place, (name, ys) in enumerate(curves.items()):
        if len(ys) != len(values):
            raise refuse(f"len(curves[{name!r}])", len(ys),
                         _("{count}, the number of values on the x axis").format(count=len(values)))
        figure.add_scatter(**points(values, ys), name=words(name), mode=mode,
                           line={"color": pick(COLOURS, place), "dash": pick(DASHES, place), "width": 2},
                           marker={"symbol": pick(SYMBOLS, place), "size": 7}, hovertemplate="%{y:.4g}")
    figure.update_layout(hovermode="x unified", showlegend=len(curves) > 1)
    figure.update_xaxes(title_text=words(x))
    figure.update_yaxes(title_text=words(y), type="log" if log else "linear")
    return style(figure, title)


def bars(measured: dict, *, y: str = "", form: str = ".3g", reference: dict | None = None,
         title: str = "") -> go.Figure:
    """The mean of each `{name: [a value for each seed]}`, with the range as an error bar and seeds as points.

    `form` is the number format, such as `.1%`; `reference` adds dashed lines, `{label: value}`.
    """
    values = {str(name): np.asarray(list(seeds), dtype="float64") for name, seeds in measured.items()}
    for name, seeds in values.items():
        if not seeds.size or not np.isfinite(seeds).all():
            raise refuse(f"measured[{name!r}]", seeds.tolist(), _("at least one finite number"))
    places = np.arange(len(values))
    mean, low, high = (np.array([of(seeds) for seeds in values.values()]) for of in (np.mean, np.min, np.max))
    figure = go.Figure(go.Bar(
        x=places, y=mean, width=0.5, name=_("mean and range"), text=[format(value, form) for value in mean],
        marker={"color": LIGHT_BLUE, "line": {"color": BLUE, "width": 1}}, textposition="inside",
        insidetextanchor="middle", hovertemplate=_("mean") + f" %{{y:{form}}}<extra></extra>",
        error_y={"array": high - mean, "arrayminus": mean - low, "symmetric": False, "thickness": 1}))
    beside = [place + 0.06 * (seed + 1) for place, seeds in enumerate(values.values())
              for seed in range(len(seeds))]
    figure.add_scatter(x=beside, y=np.concatenate(list(values.values())), mode="markers",
                       name=_("single seeds"), marker={"color": VERMILLION, "symbol": "diamond", "size": 7},
                       hovertemplate=f"%{{y:{form}}}<extra></extra>")
    for label, value in (reference or {}).items():
        figure.add_hline(value, line={"color": INK, "dash": "dash", "width": 1}, annotation={
            "text": words(label), "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.8)"})
    figure.update_xaxes(tickvals=places, ticktext=[words(name) for name in values], showgrid=False)
    figure.update_yaxes(title_text=words(y), tickformat=".0%" if form.endswith("%") else None)
    return style(figure, title)


def images(pictures, captions=(), columns: int = 6, title: str = "") -> go.Figure:
    """A contact sheet of `uint8` images (N, 1 or 3, H, W), each pixel a sharp square, with captions."""
    import plotly.express as px
    pictures = np.asarray(pictures)
    good = pictures.dtype == np.uint8 and pictures.ndim == 4 and pictures.shape[1] in (1, 3) and pictures.size
    if not good:
        raise refuse("pictures", f"{pictures.dtype} {pictures.shape}",
                     _("uint8 images of shape (count, 1 or 3, height, width), at least one"))
    captions = [_(str(caption)) for caption in captions]
    if captions and len(captions) != len(pictures):
        raise refuse("captions", len(captions), _("none, or one for each of the {count} images").format(
            count=len(pictures)))
    count, _channels, height, width = pictures.shape
    columns, scale = min(columns, count), max(1, 96 // width)
    wrapped = [[line for part in text.splitlines() for line in textwrap.wrap(part, 18)] for text in captions]
    texts = ["<br>".join(letters(line) for line in caption) for caption in wrapped]
    room = 16 * max((text.count("<br>") + 1 for text in texts), default=0)      # pixels on the screen
    step_x, step_y = width + -(-24 // scale), height + -(-(room + 10) // scale)  # pixels of an image
    rows = -(-count // columns)
    sheet = np.full((rows * step_y, columns * step_x, 3), 255, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // columns * step_y, place % columns * step_x
        sheet[top:top + height, left:left + width] = picture.transpose(1, 2, 0)
    figure = px.imshow(sheet, binary_string=True).update_traces(name=None, hoverinfo="skip", hovertemplate=None)
    for place, text in enumerate(texts):
        figure.add_annotation(x=place % columns * step_x + width / 2 - 0.5,
                              y=place // columns * step_y + height, yanchor="top",
                              text=text, showarrow=False, font={"size": 11})
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    style(figure, title, height=rows * step_y * scale + (48 if title else 16))
    return figure.update_layout(width=columns * step_x * scale + 16, margin={
        "l": 8, "r": 8, "t": 40 if title else 8, "b": 8})
