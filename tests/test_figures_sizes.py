"""Figures of sizes and of single numbers."""
import pytest

from labkit import figures


def test_parameters_are_named_from_the_top_with_both_counts():
    figure = figures.parameters({"small": 5e6, "large": 2e11}, {"small": 6e6, "large": 2e11}, large=(1e9, 1e12))
    counted, published = figure.data
    assert list(counted.y) == ["large", "small"] and list(counted.x) == [2e11, 5e6] and list(published.x) == [2e11, 6e6]
    assert counted.marker.symbol != published.marker.symbol
    assert figure.layout.xaxis.type == "log" and figure.layout.height <= 420
    band, note = figure.layout.shapes[0], figure.layout.annotations[0]
    assert (band.x0, band.x1) == (1e9, 1e12) and note.x == pytest.approx(10.5)      # of a log axis: log10(x)
    assert not figures.parameters({"one": 1.0}, {"one": 1.0}).layout.shapes


def test_amounts_are_bars_without_seeds():
    figure = figures.amounts({"one": 0.25, "two": 0.5}, y="share", form=".0%", reference={"chance": 0.1})
    bar, = figure.data
    assert list(bar.y) == [0.25, 0.5] and list(bar.text) == ["25%", "50%"] and bar.error_y.array is None
    assert figure.layout.showlegend is False and "mean" not in bar.hovertemplate
    assert figure.layout.annotations[0].text == "chance" and figure.layout.yaxis.title.text == "share"
