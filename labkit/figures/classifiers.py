"""Figures of a training and of what its model gets right and wrong."""
import numpy as np
import pandas
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labkit.evaluation import wilson_interval
from labkit.figures.plain import images
from labkit.figures.style import (
    BLUE,
    COLOURS,
    DASHES,
    GRID,
    LIGHT_BLUE,
    SYMBOLS,
    VERMILLION,
    pick,
    points,
    style,
    words,
)
from labkit.language import _
from labkit.settings import refuse


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
            for trace in _curves(frame, kind, words(name), place, alone=len(frames) == 1):
                figure.add_trace(trace.update(showlegend=bool(trace.name) and column == 1), row=1, col=column)
            figure.update_yaxes(title_text=labels[kind], tickformat=".0%" if kind == "accuracy" else None,
                                col=column)
    return style(figure.update_xaxes(title_text=_("step")), title)


def _curves(frame, kind: str, name: str, place: int, alone: bool):
    """The traces of one run in one panel: batches (where it is alone), their running mean, validation."""
    form = ".1%" if kind == "accuracy" else ".4f"
    train, validation = _column(frame, f"train_{kind}"), _column(frame, f"validation_{kind}")
    colours = (BLUE, VERMILLION) if alone else (pick(COLOURS, place),) * 2
    prefix = f"{name} · " if name else ""
    if train.size:
        if alone:
            yield go.Scatter(**points(train.index, train), mode="lines", opacity=0.25, hoverinfo="skip",
                             line={"color": BLUE, "width": 1})
        smooth = train.ewm(span=max(1, len(train) / 30)).mean()
        yield go.Scatter(**points(train.index, smooth), mode="lines",
                         name=prefix + _("training, running mean"),
                         line={"color": colours[0], "width": 2, "dash": "solid" if alone else pick(DASHES[1:], place)},
                         hovertemplate=f"%{{y:{form}}}")
    if validation.size:
        yield go.Scatter(**points(validation.index, validation), mode="lines+markers",
                         name=prefix + _("validation"), hovertemplate=f"%{{y:{form}}}",
                         line={"color": colours[1], "width": 2},
                         marker={"symbol": pick(SYMBOLS, place + 1), "size": 8})


def confusion_matrix(matrix, class_names, title: str = "") -> go.Figure:
    """Counts of `evaluation.confusion`, coloured by their share of the row; hovering says a cell in words."""
    matrix, names = np.asarray(matrix), [words(name) for name in class_names]
    if matrix.shape != (len(names), len(names)):
        raise refuse("matrix.shape", matrix.shape, f"({len(names)}, {len(names)})")
    totals = matrix.sum(1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    sentences = [[_("{count} of {total} × “{actual}” were called “{predicted}” ({share})").format(
                  count=matrix[i, j], total=totals[i, 0], actual=actual, predicted=predicted,
                  share=f"{share[i, j]:.1%}")
              for j, predicted in enumerate(names)] for i, actual in enumerate(names)]
    figure = go.Figure(go.Heatmap(
        z=share.astype("float32"), x=names, y=names, text=matrix.tolist(), texttemplate="%{text}",
        zmin=0, zmax=1, colorscale=[(0, "#FFFFFF"), (0.5, "#6FB1DA"), (1, "#00466E")], xgap=1, ygap=1,
        customdata=sentences, hovertemplate="%{customdata}<extra></extra>",
        colorbar={"title": {"text": _("share of the row"), "font": {"size": 13}, "side": "right"},
                  "tickformat": ".0%", "thickness": 12}))
    figure.update_xaxes(title_text=_("predicted class"), showgrid=False)
    figure.update_yaxes(title_text=_("actual class"), autorange="reversed", showgrid=False)
    return style(figure, title, height=420).update_layout(plot_bgcolor=GRID)


def class_scores(report, title: str = "") -> go.Figure:
    """Precision, recall and F1 of each class, from the frame of `evaluation.report`, best F1 at the top."""
    report = report.sort_values("F1", na_position="first")
    names = [words(name) for name in report.index]
    labels = {"precision": _("precision"), "recall": _("recall"), "F1": "F1"}
    figure = go.Figure()
    for place, (column, label) in enumerate(labels.items()):
        sentences = [_("{label} of “{name}”: {score}, from {count} examples").format(
                     label=label, name=name, score=f"{score:.1%}", count=count)
                 for name, score, count in zip(names, report[column], report["support"], strict=True)]
        figure.add_scatter(x=report[column].to_numpy("float32"), y=names, name=label, mode="markers",
                           marker={"symbol": SYMBOLS[place], "size": 10, "color": COLOURS[place]},
                           customdata=sentences, hovertemplate="%{customdata}<extra></extra>")
    low = report[list(labels)].min().min()
    figure.update_xaxes(title_text=_("score"), tickformat=".0%", range=[max(-0.02, low - 0.05), 1.02])
    return style(figure, title, height=min(420, 130 + 26 * len(report)))


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
    return style(figure, title, height=400)


def mistakes(inputs, table, class_names, columns: int = 6, title: str = "") -> go.Figure:
    """The images of `evaluation.most_confident_mistakes` with what the model said and what they are.

    `inputs` are the images of the split that the table was made from.
    """
    captions = [_("{predicted} ({confidence})\nactual: {actual}").format(
                    predicted=_(str(class_names[row.predicted])), actual=_(str(class_names[row.actual])),
                    confidence=f"{row.confidence:.0%}") for row in table.itertuples()]
    return images(inputs[table["index"].tolist()], captions, columns, title)


def _column(frame, name: str) -> pandas.Series:
    """The measured values of a column by step; empty where the frame has none."""
    if name not in frame:
        return pandas.Series(dtype="float64")
    return frame.set_index("step")[name].dropna()
