"""Figures that say what they show: plotly, one style, readable without colour.

Each function returns a `go.Figure`, so a cell ends with the call. Titles, labels and names that it is given
are shown in the learner's language where the catalogue has them. Colours are Okabe and Ito's (2008), which
colour-blind readers can tell apart; lines differ in dash or marker too. The paper is white in both themes of
JupyterLab, since a stored picture cannot know the theme of the page that it will be read on.
"""
import textwrap

import numpy as np
import pandas
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labkit.evaluation import wilson_interval
from labkit.language import _
from labkit.settings import refuse

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, "#000000", "#E69F00", "#56B4E9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star", "cross")
INK, GRID, LIGHT_BLUE = "#262626", "#E5E5E5", "#9EC9E2"
FONT = ("Noto Sans, Open Sans, Segoe UI, Helvetica, Arial, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, "
        "sans-serif")      # Latin faces first: Chinese characters come from the first face that has them
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


def lines(values, curves: dict, /, *, x: str = "", y: str = "", log: bool = False,
          title: str = "") -> go.Figure:
    """Curves over the same `values`: `{name: ys}`. `x` and `y` label the axes; `log` makes y logarithmic."""
    figure = go.Figure()
    mode = "lines" if len(values) > 30 else "lines+markers"
    for place, (name, ys) in enumerate(curves.items()):
        if len(ys) != len(values):
            raise refuse(f"len(curves[{name!r}])", len(ys),
                         _("{count}, the number of values on the x axis").format(count=len(values)))
        figure.add_scatter(**_points(values, ys), name=_(str(name)), mode=mode,
                           line={"color": _pick(COLOURS, place), "dash": _pick(DASHES, place), "width": 2},
                           marker={"symbol": _pick(SYMBOLS, place), "size": 7}, hovertemplate="%{y:.4g}")
    figure.update_layout(hovermode="x unified", showlegend=len(curves) > 1)
    figure.update_xaxes(title_text=_(x))
    figure.update_yaxes(title_text=_(y), type="log" if log else "linear")
    return _style(figure, title)


def learning_curves(runs, title: str = "") -> go.Figure:
    """Loss and accuracy over the steps of one run or several: a `History`, its frame, or `{name: either}`.

    Training values are those of single batches: drawn lightly as they are, and as a running mean over a
    thirtieth of the run. Validation values are points where they were measured.
    """
    named = runs if isinstance(runs, dict) else {"": runs}
    frames = {name: run.frame() if hasattr(run, "frame") else run for name, run in named.items()}
    labels = {"loss": _("loss (cross entropy)"), "accuracy": _("accuracy")}
    panels = [kind for kind in labels if any(_column(frame, f"{part}_{kind}").size
                                             for frame in frames.values() for part in ("train", "validation"))]
    if not panels:
        raise refuse("runs", list(named), _("a run with at least one step, or its history or frame"))
    figure = make_subplots(1, len(panels), horizontal_spacing=0.1)
    for place, (name, frame) in enumerate(frames.items()):
        for column, kind in enumerate(panels, 1):
            for trace in _curves(frame, kind, _(str(name)), place, alone=len(frames) == 1):
                figure.add_trace(trace.update(showlegend=bool(trace.name) and column == 1), row=1, col=column)
            figure.update_yaxes(title_text=labels[kind], tickformat=".0%" if kind == "accuracy" else None,
                                col=column)
    return _style(figure.update_xaxes(title_text=_("step")), title)


def _curves(frame, kind: str, name: str, place: int, alone: bool):
    """The traces of one run in one panel: batches (where it is alone), their running mean, validation."""
    form = ".1%" if kind == "accuracy" else ".4f"
    train, validation = _column(frame, f"train_{kind}"), _column(frame, f"validation_{kind}")
    colours = (BLUE, VERMILLION) if alone else (_pick(COLOURS, place),) * 2
    prefix = f"{name} · " if name else ""
    if train.size:
        if alone:
            yield go.Scatter(**_points(train.index, train), mode="lines", opacity=0.25, hoverinfo="skip",
                             line={"color": BLUE, "width": 1})
        smooth = train.ewm(span=max(1, len(train) / 30)).mean()
        yield go.Scatter(**_points(train.index, smooth), mode="lines",
                         name=prefix + _("training, running mean"),
                         line={"color": colours[0], "width": 2, "dash": "solid" if alone else _pick(DASHES[1:], place)},
                         hovertemplate=f"%{{y:{form}}}")
    if validation.size:
        yield go.Scatter(**_points(validation.index, validation), mode="lines+markers",
                         name=prefix + _("validation"), hovertemplate=f"%{{y:{form}}}",
                         line={"color": colours[1], "width": 2},
                         marker={"symbol": _pick(SYMBOLS, place + 1), "size": 8})


def confusion_matrix(matrix, class_names, title: str = "") -> go.Figure:
    """Counts of `evaluation.confusion`, coloured by their share of the row; hovering says a cell in words."""
    matrix, names = np.asarray(matrix), [_(str(name)) for name in class_names]
    if matrix.shape != (len(names), len(names)):
        raise refuse("matrix.shape", matrix.shape, f"({len(names)}, {len(names)})")
    totals = matrix.sum(1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    words = [[_("{count} of {total} × “{actual}” were called “{predicted}” ({share})").format(
                  count=matrix[i, j], total=totals[i, 0], actual=actual, predicted=predicted,
                  share=f"{share[i, j]:.1%}")
              for j, predicted in enumerate(names)] for i, actual in enumerate(names)]
    figure = go.Figure(go.Heatmap(
        z=share.astype("float32"), x=names, y=names, text=matrix.tolist(), texttemplate="%{text}",
        zmin=0, zmax=1, colorscale=[(0, "#FFFFFF"), (0.5, "#6FB1DA"), (1, "#00466E")], xgap=1, ygap=1,
        customdata=words, hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": _("share of the row"), "font": {"size": 13}, "side": "right"},
                  "tickformat": ".0%", "thickness": 12}))
    figure.update_xaxes(title_text=_("predicted class"), showgrid=False)
    figure.update_yaxes(title_text=_("actual class"), autorange="reversed", showgrid=False)
    return _style(figure, title, height=420).update_layout(plot_bgcolor=GRID)


def class_scores(report, title: str = "") -> go.Figure:
    """Precision, recall and F1 of each class, from the frame of `evaluation.report`, best F1 at the top."""
    report = report.sort_values("F1", na_position="first")
    names = [_(name) for name in report.index.astype(str)]
    labels = {"precision": _("precision"), "recall": _("recall"), "F1": "F1"}
    figure = go.Figure()
    for place, (column, label) in enumerate(labels.items()):
        words = [_("{label} of “{name}”: {score}, from {count} examples").format(
                     label=label, name=name, score=f"{score:.1%}", count=count)
                 for name, score, count in zip(names, report[column], report["support"], strict=True)]
        figure.add_scatter(x=report[column].to_numpy("float32"), y=names, name=label, mode="markers",
                           marker={"symbol": SYMBOLS[place], "size": 10, "color": COLOURS[place]},
                           customdata=words, hovertemplate="%{customdata}<extra></extra>")
    low = report[list(labels)].min().min()
    figure.update_xaxes(title_text=_("score"), tickformat=".0%", range=[max(-0.02, low - 0.05), 1.02])
    return _style(figure, title, height=min(420, 130 + 26 * len(report)))


def reliability(calibration, title: str = "") -> go.Figure:
    """Accuracy over confidence, from the frame of `evaluation.calibration`, above the number of examples.

    On the diagonal, a model is right as often as it is sure; under it, it is too sure. The error bars are
    Wilson's 95 % intervals: a bin with few examples says little.
    """
    used = calibration[calibration["count"] > 0]
    limits = np.array([wilson_interval(round(accuracy * count), count)
                       for accuracy, count in zip(used["accuracy"], used["count"].tolist(), strict=True)])
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name=_("confidence = accuracy"), hoverinfo="skip",
                       line={"color": "#737373", "dash": "dash", "width": 1}, row=1, col=1)
    figure.add_scatter(x=used["confidence"].to_numpy("float32"), y=used["accuracy"].to_numpy("float32"),
                       mode="lines+markers", name=_("this model"), line={"color": BLUE, "width": 2},
                       marker={"size": 8}, customdata=used["count"].to_numpy("int32"), row=1, col=1,
                       error_y={"array": limits[:, 1] - used["accuracy"], "symmetric": False, "thickness": 1,
                                "arrayminus": used["accuracy"] - limits[:, 0], "width": 3},
                       hovertemplate=_("sure to %{x:.1%}, right in %{y:.1%} of %{customdata} examples")
                       + "<extra></extra>")
    middle, width = (calibration["low"] + calibration["high"]) / 2, calibration["high"] - calibration["low"]
    figure.add_bar(x=middle.to_numpy("float32"), width=width.to_numpy("float32"), showlegend=False,
                   y=calibration["count"].to_numpy("int32"), row=2, col=1,
                   marker={"color": LIGHT_BLUE, "line": {"color": BLUE, "width": 1}},
                   hovertemplate=_("%{y} examples") + "<extra></extra>")
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_xaxes(title_text=_("confidence"), row=2)
    figure.update_yaxes(title_text=_("accuracy"), tickformat=".0%", range=[0, 1.02], row=1)
    figure.update_yaxes(title_text=_("examples"), row=2)
    return _style(figure, title, height=400)


def bars(measured: dict, *, y: str = "", form: str = ".3g", reference: dict | None = None,
         title: str = "") -> go.Figure:
    """The mean of each `{name: [a value for each seed]}`, with the range as an error bar and seeds as points.

    `form` is the number format, such as `.1%`; `reference` adds dashed lines, `{label: value}`.
    """
    values = {_(str(name)): np.asarray(list(seeds), dtype="float64") for name, seeds in measured.items()}
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
            "text": _(label), "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.8)"})
    figure.update_xaxes(tickvals=places, ticktext=list(values), showgrid=False)
    figure.update_yaxes(title_text=_(y), tickformat=".0%" if form.endswith("%") else None)
    return _style(figure, title)


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
    texts = ["<br>".join(line for part in text.splitlines() for line in textwrap.wrap(part, 18))
             for text in captions]
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
    _style(figure, title, height=rows * step_y * scale + (48 if title else 16))
    return figure.update_layout(width=columns * step_x * scale + 16, margin={
        "l": 8, "r": 8, "t": 40 if title else 8, "b": 8})


def mistakes(inputs, table, class_names, columns: int = 6, title: str = "") -> go.Figure:
    """The images of `evaluation.most_confident_mistakes` with what the model said and what they are.

    `inputs` are the images of the split that the table was made from.
    """
    captions = [_("{predicted} ({confidence})\nactual: {actual}").format(
                    predicted=_(str(class_names[row.predicted])), actual=_(str(class_names[row.actual])),
                    confidence=f"{row.confidence:.0%}") for row in table.itertuples()]
    return images(inputs[table["index"].tolist()], captions, columns, title)


def _style(figure: go.Figure, title: str = "", height: int = 360) -> go.Figure:
    """One look for all: template, title, size, small margins."""
    title = _(title)
    figure.update_layout(template=TEMPLATE, height=height, margin={"l": 8, "r": 24, "t": 32, "b": 8})
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    if title and len(named) > 1:
        # As the legend's own title it makes room for itself, however many lines the legend needs.
        return figure.update_layout(legend_title={"text": title, "side": "top", "font": {"size": 15}})
    return figure.update_layout(title_text=title or None, margin_t=40 if title else 32)


def _pick(choices: tuple, place: int):
    return choices[place % len(choices)]


def _points(xs, ys) -> dict:
    """x and y as float32, 5 bytes each in a notebook; a long line keeps every k-th point, and its last."""
    keep = np.arange(len(ys) - 1, -1, -max(1, -(-len(ys) // POINTS)))[::-1]
    return {"x": np.asarray(xs, dtype="float32")[keep], "y": np.asarray(ys, dtype="float32")[keep]}


def _column(frame, name: str) -> pandas.Series:
    """The measured values of a column by step; empty where the frame has none."""
    if name not in frame:
        return pandas.Series(dtype="float64")
    return frame.set_index("step")[name].dropna()
