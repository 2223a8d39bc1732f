"""Figures: what they contain, how large they are, and that nothing is told by colour alone."""
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from labkit import evaluation, figures
from labkit.settings import SettingError

CLASSES = ("a", "b", "c")
LOGITS = torch.tensor([[4.0, 0, 0], [0, 4, 0], [3, 0, 0], [0, 0, 1], [0, 9, 0]])
TARGETS = torch.tensor([0, 1, 1, 2, 2])
IMAGES = torch.arange(5 * 64, dtype=torch.int64).reshape(5, 1, 8, 8).to(torch.uint8)


def history(steps: int = 50, every: int = 10) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    validation = np.where(step % every == 0, 1 / step, np.nan)
    return pd.DataFrame({"step": step, "train_loss": 1 / step, "train_accuracy": 1 - 1 / step,
                         "validation_loss": validation, "validation_accuracy": 1 - validation})


def every_figure() -> dict[str, go.Figure]:
    mistakes = evaluation.most_confident_mistakes(LOGITS, TARGETS)
    return {
        "lines": figures.lines([1, 2, 3], {"one": [1, 2, 3], "two": [3, 2, 1]}, x="step", y="loss"),
        "learning_curves": figures.learning_curves({"one": history(), "two": history()}),
        "confusion_matrix": figures.confusion_matrix(evaluation.confusion(LOGITS, TARGETS), CLASSES),
        "class_scores": figures.class_scores(evaluation.report(LOGITS, TARGETS, CLASSES)),
        "reliability": figures.reliability(evaluation.calibration(LOGITS, TARGETS)),
        "bars": figures.bars({"one": [0.1, 0.2, 0.3], "two": [0.4]}, y="accuracy", form=".1%"),
        "images": figures.images(IMAGES, list("abcde")),
        "mistakes": figures.mistakes(IMAGES, mistakes, CLASSES),
    }


@pytest.mark.parametrize("name, figure", every_figure().items())
def test_every_figure_is_plain_plotly_of_modest_size(name, figure):
    assert type(figure) is go.Figure
    assert figure.layout.height <= 420
    assert len(figure.to_json()) < 20_000
    assert figure.layout.template.layout.paper_bgcolor == "white"


@pytest.mark.parametrize("name", ["lines", "learning_curves", "class_scores"])
def test_traces_of_one_panel_differ_without_their_colours(name):
    looks = [(trace.xaxis, trace.line.dash, trace.marker.symbol) for trace in every_figure()[name].data]
    assert len(set(looks)) == len(looks)


def test_lines_label_their_axes_and_can_be_logarithmic():
    figure = figures.lines([1, 2], {"one": [1, 10]}, x="step", y="loss", log=True)
    assert figure.layout.xaxis.title.text == "step" and figure.layout.yaxis.title.text == "loss"
    assert figure.layout.yaxis.type == "log" and figure.layout.showlegend is False


def test_a_long_line_is_thinned_and_keeps_its_last_point():
    ys = np.arange(100_001) * 2
    figure = figures.lines(np.arange(100_001), {"one": ys})
    assert len(figure.data[0].y) <= 2000
    assert figure.data[0].x[-1] == 100_000 and figure.data[0].y[-1] == 200_000
    assert len(figure.to_json()) < 40_000
    assert list(figures.lines([5, 6, 7], {"one": [1, 2, 3]}).data[0].x) == [5, 6, 7]


def test_lines_of_another_length_are_refused():
    with pytest.raises(SettingError, match=r"len\(curves\['one'\]\) = 3 .* 2"):
        figures.lines([1, 2], {"one": [1, 2, 3]})


def test_learning_curves_show_batches_lightly_and_validation_where_it_was_measured():
    figure = figures.learning_curves(history())
    light, mean, validation, *accuracy = figure.data
    assert light.opacity < 0.5 and not light.name
    assert mean.name == "training, running mean" and len(mean.x) == 50
    assert list(validation.x) == [10, 20, 30, 40, 50]
    assert validation.y == pytest.approx(1 / validation.x, rel=1e-6)
    assert len(accuracy) == 3 and not any(trace.showlegend for trace in accuracy)


def test_learning_curves_take_a_history_and_leave_out_what_was_not_measured():
    class History:
        def frame(self):
            return history(every=1000)[["step", "train_loss", "validation_loss"]]
    figure = figures.learning_curves(History())
    assert [trace.name for trace in figure.data] == [None, "training, running mean"]
    assert "yaxis2" not in figure.layout
    with pytest.raises(SettingError, match="runs"):
        figures.learning_curves(history().head(0))


def test_the_confusion_matrix_shows_counts_coloured_by_row_and_says_a_cell_in_words():
    matrix = np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]])
    trace = figures.confusion_matrix(matrix, CLASSES).data[0]
    assert np.array_equal(trace.text, matrix)
    assert np.asarray(trace.z) == pytest.approx(np.array([[0.8, 0.2, 0], [0, 0.5, 0.5], [0, 0, 0]]))
    assert trace.customdata[1][2] == "5 of 10 × “b” were called “c” (50.0%)"
    with pytest.raises(SettingError, match="matrix.shape"):
        figures.confusion_matrix(matrix, ["a", "b"])


def test_class_scores_put_the_best_class_at_the_top_and_survive_an_unknown_score():
    report = evaluation.report(LOGITS.argmax(1), TARGETS, [*CLASSES, "never"])
    figure = figures.class_scores(report)
    assert list(figure.data[2].y)[-1] in ("a", "c") and len(figure.data[0].y) == 4
    assert figure.layout.xaxis.range[0] < report["F1"].min()


def test_reliability_leaves_out_empty_bins_and_shows_how_sure_each_is():
    calibration = evaluation.calibration(LOGITS, TARGETS)
    _diagonal, model, counts = figures.reliability(calibration).data
    assert len(model.x) == (calibration["count"] > 0).sum()
    assert counts.y.sum() == len(TARGETS)
    assert (np.asarray(model.error_y.array) >= 0).all() and (np.asarray(model.error_y.arrayminus) >= 0).all()


def test_bars_show_mean_range_and_every_seed():
    bar, seeds = figures.bars({"one": [1, 2, 6], "two": [4]}).data
    assert list(bar.y) == [3, 4]
    assert list(bar.error_y.array) == [3, 0] and list(bar.error_y.arrayminus) == [2, 0]
    assert list(seeds.y) == [1, 2, 6, 4]
    assert figures.bars({"one": [1]}, reference={"goal": 2}).layout.annotations[0].text == "goal"
    with pytest.raises(SettingError, match=r"measured\['one'\]"):
        figures.bars({"one": []})


def test_the_contact_sheet_keeps_every_pixel_and_its_scale():
    import base64
    import io

    from matplotlib.image import imread
    figure = figures.images(IMAGES, list("abcde"), columns=3)
    png = base64.b64decode(figure.data[0].source.split(",")[1])
    sheet = (imread(io.BytesIO(png)) * 255).round().astype("uint8")
    assert np.array_equal(sheet[:8, :8, 0], IMAGES[0, 0].numpy())
    assert (sheet[:8, :8].std(axis=2) == 0).all()
    margin, scale = figure.layout.margin, 96 // 8
    assert (figure.layout.width - margin.l - margin.r) == sheet.shape[1] * scale
    assert (figure.layout.height - margin.t - margin.b) == sheet.shape[0] * scale
    assert [annotation.text for annotation in figure.layout.annotations] == list("abcde")


@pytest.mark.parametrize("pictures", [IMAGES.float(), IMAGES[0], IMAGES[:0], IMAGES.expand(-1, 2, -1, -1)])
def test_pictures_of_the_wrong_kind_are_refused(pictures):
    with pytest.raises(SettingError, match="pictures"):
        figures.images(pictures)


def test_captions_must_match_and_mistakes_say_both_classes():
    with pytest.raises(SettingError, match="captions = 1"):
        figures.images(IMAGES, ["a"])
    text = json.loads(every_figure()["mistakes"].to_json())["layout"]["annotations"][0]["text"]
    assert text == "b (100%)<br>actual: c"


def test_a_title_is_part_of_the_legend_where_there_is_one_so_that_they_never_overlap():
    both = figures.lines([1, 2], {"one": [1, 2], "two": [2, 1]}, title="Two")
    assert both.layout.legend.title.text == "Two" and both.layout.title.text is None
    for figure in (figures.lines([1, 2], {"one": [1, 2]}, title="One"), figures.images(IMAGES, title="One")):
        assert figure.layout.title.text == "One" and figure.layout.legend.title.text is None


def test_a_name_with_markup_is_shown_letter_by_letter():
    """Plotly reads HTML in every text: a class name from a stranger's table must not become a link."""
    evil, letters = "<a href='https://x'>a & b</a>", "&lt;a href='https://x'&gt;a &amp; b&lt;/a&gt;"
    for figure in (figures.bars({evil: [1.0]}, y=evil, title=evil, reference={evil: 1}),
                   figures.lines([1, 2], {evil: [1, 2], "b": [1, 2]}, x=evil, y=evil, title=evil),
                   figures.confusion_matrix(np.eye(2), [evil, "b"], title=evil),
                   figures.images(IMAGES[:1], ["<i>c</i>"], title=evil)):
        text = figure.to_json()
        assert json.dumps(letters)[1:-1].split("https")[0] in text and "<a" not in text and "<i>" not in text


def test_signs_that_an_svg_cannot_hold_are_replaced():
    evil, shown = "a\0b\x1bc", "a\ufffdb\ufffdc"
    bars, sheet = figures.bars({evil: [1.0]}, title=evil), figures.images(IMAGES[:1], [evil])
    assert bars.layout.legend.title.text == shown and list(bars.layout.xaxis.ticktext) == [shown]
    assert [note.text for note in sheet.layout.annotations] == [shown]
