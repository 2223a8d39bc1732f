"""The published sizes of large models, and their figure."""
import pytest

from labkit.data import large_models
from labkit.figures import growth
from labkit.settings import SettingError

MODELS = large_models()


def test_each_model_has_a_size_a_date_and_a_source():
    assert len(MODELS) == 18 and MODELS["model"].is_unique
    assert MODELS["date"].is_monotonic_increasing and MODELS["year"].between(2012, 2026).all()
    assert (MODELS["parameters"] >= MODELS["active"]).all() and MODELS["parameters"].between(1e7, 2e12).all()
    assert (MODELS["active"] < MODELS["parameters"]).tolist() == (MODELS["kind"] == "mixture of experts").tolist()
    assert MODELS["source"].str.contains(r"20\d\d").all()
    assert MODELS["source"].str.contains("arXiv").sum() == 16         # AlexNet and GPT-2 are not there


def test_printed_flops_are_near_six_times_parameters_times_tokens():
    both = MODELS.dropna(subset=["tokens", "flops"]).set_index("model")
    ratio = both["flops"] / (6 * both["active"] * both["tokens"])
    assert ratio.drop("T5-11B").between(0.95, 1.2).all() and len(ratio) == 6
    assert ratio["T5-11B"] == pytest.approx(0.5)        # encoder and decoder each see one half of the tokens


@pytest.mark.parametrize("quantity", ["parameters", "active", "tokens", "flops"])
def test_the_figure_has_a_point_for_each_printed_figure(quantity):
    figure = growth(MODELS, quantity)
    drawn = {name: y for trace in figure.data for name, y in zip(trace.text, trace.y, strict=True)}
    assert drawn == MODELS.dropna(subset=[quantity]).set_index("model")[quantity].to_dict()
    assert figure.layout.yaxis.type == "log"


def test_what_is_estimated_is_hollow_and_a_point_of_ones_own_is_a_star():
    filled = MODELS.assign(flops=MODELS["flops"].fillna(6 * MODELS["active"] * MODELS["tokens"]))
    figure = growth(filled, "flops", estimated=MODELS["flops"].isna(),
                    added={"model": "<b>mine</b>", "year": 2028.0, "flops": 1e27})
    symbols = {name: symbol for trace in figure.data[:-1]
               for name, symbol in zip(trace.text, trace.marker.symbol, strict=True)}
    assert [name for name, symbol in symbols.items() if not symbol.endswith("-open")] == [
        "Transformer big", "T5-11B", "GPT-3", "Gopher", "Chinchilla", "PaLM", "Llama 3 405B"]
    mine = figure.data[-1]
    assert (mine.x[0], mine.y[0], mine.marker.symbol) == (2028.0, 1e27, "star")
    assert mine.text[0] == "&lt;b&gt;mine&lt;/b&gt;" and figure.layout.xaxis.range[1] > 2028


def test_a_point_keeps_its_look_when_other_kinds_are_left_out():
    colours = [{trace.name: trace.marker.color for trace in growth(MODELS, quantity).data}
               for quantity in ("parameters", "tokens")]
    assert colours[1].items() <= colours[0].items()


def test_an_unknown_quantity_is_refused():
    with pytest.raises(SettingError, match="quantity = 'size'"):
        growth(MODELS, "size")
