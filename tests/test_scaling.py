import numpy as np
import pytest
import torch

from labkit.experiments.ch08 import scaling as experiment
from labkit.models.vision import parameter_count
from labkit.settings import SettingError
from labkit.trends import scaling

TRUTH = {"sum": (0.9, 30.0, 0.4, 60.0, 0.45), "joint": (4e5, 0.17, 3e5, 0.25)}


@pytest.fixture(scope="module")
def text():
    return scaling.windows()


def drawn_from(kind, widths=(4e3, 1e4, 3e4), characters=scaling.CHARACTERS):
    """Runs that obey a law exactly."""
    law = scaling.Law(kind, TRUTH[kind], 0.0)
    return [{"width": n, "parameters": n, "characters": d, "loss": float(law.loss(n, d))}
            for n in widths for d in characters]


@pytest.mark.parametrize("kind", scaling.LAWS)
def test_a_law_is_found_again_and_extrapolates(kind):
    law = scaling.fit(drawn_from(kind), kind)
    assert law.misfit < 1e-3
    assert law.numbers == pytest.approx(TRUTH[kind], rel=0.1)
    assert law.loss(1.2e5, 3e5) == pytest.approx(scaling.Law(kind, TRUTH[kind], 0.0).loss(1.2e5, 3e5), rel=0.01)


def test_the_laws_are_those_of_their_papers():
    assert scaling.Law("sum", TRUTH["sum"], 0).loss(1e4, 5e4) == pytest.approx(0.9 + 30 / 1e4**0.4 + 60 / 5e4**0.45)
    assert scaling.Law("joint", TRUTH["joint"], 0).loss(1e4, 5e4) == pytest.approx(
        ((4e5 / 1e4) ** (0.17 / 0.25) + 3e5 / 5e4) ** 0.25)


@pytest.mark.parametrize("kind, inside", [("sum", (0.1, 3, 0.4, 4, 0.3)), ("joint", (12, 0.2, 12, 0.25))])
def test_slopes_agree_with_finite_differences(kind, inside):
    size, characters, inside = np.log([1e3, 2e4]), np.log([1e4, 1e5]), np.array(inside, dtype=float)
    for place, step in enumerate(1e-5 * np.eye(len(inside))):
        by_hand = (scaling._log_loss(kind, inside + step, size, characters)
                   - scaling._log_loss(kind, inside - step, size, characters)) / 2e-5
        assert scaling._slopes(kind, inside, size, characters)[:, place] == pytest.approx(by_hand, rel=1e-4, abs=1e-7)


def test_one_run_that_strays_hardly_moves_the_fit():
    runs = drawn_from("joint")
    runs[5]["loss"] *= 1.2
    assert scaling.fit(runs, "joint").loss(1.2e5, 3e5) == pytest.approx(
        scaling.Law("joint", TRUTH["joint"], 0).loss(1.2e5, 3e5), rel=0.02)


def test_windows_are_places_of_one_split_and_say_what_follows(text):
    whole = torch.cat([text.train.inputs[:-scaling.CONTEXT:scaling.CONTEXT].flatten()])
    assert torch.equal(text.train.inputs[1, :-1], text.train.inputs[0, 1:])
    assert torch.equal(text.train.targets[:500], text.train.inputs[1:501, -1])
    assert text.train.inputs.shape[1] == scaling.CONTEXT and len(whole) > 290_000
    assert len(text.validation) == 512 and len(text.train) >= scaling.BEYOND[1]


def test_the_run_beyond_is_three_times_as_large(text):
    sizes = [parameter_count(scaling.ContextModel(len(text.class_names), width))
             for width in (max(scaling.WIDTHS), scaling.BEYOND[0])]
    assert sizes[1] == pytest.approx(3 * sizes[0], rel=0.01)
    assert scaling.BEYOND[1] == 3 * max(scaling.CHARACTERS)


def test_runs_repeat_themselves_and_more_text_helps(text):
    one, other, longer = (scaling.measure(text, [8], [count], 5)[0] for count in (1280, 1280, 6400))
    assert one["loss"] == other["loss"] and longer["loss"] < one["loss"] - 0.1
    assert one["parameters"] == 3657
    with pytest.raises(SettingError, match="characters = 10 cannot.*64 to"):
        scaling.train(text, 8, 10)


def test_the_prediction_is_made_from_the_dozen(text):
    runs = drawn_from("joint", (8, 32, 128), scaling.CHARACTERS)
    more = [*runs, {"width": 400, "parameters": 95e3, "characters": 288_000, "loss": 1.0}]
    assert scaling.smaller(more) == runs and scaling.beyond(more) == more[-1:]
    assert len(scaling.smaller(more, 2, 3)) == 6 and max(run["width"] for run in scaling.smaller(more, 2, 3)) == 32
    assert scaling.fits(more) == {kind: scaling.fit(runs, kind) for kind in scaling.LAWS}
    table = scaling.beside(runs[:2], more)
    assert (table["loss here"] == table["recorded"]).all() and list(table["characters"]) == list(scaling.CHARACTERS[:2])
    assert scaling.mean([dict(runs[0], loss=1.0), dict(runs[0], loss=2.0)]) == [dict(runs[0], loss=1.5)]


def test_what_is_recorded(monkeypatch):
    found = experiment.runs(1, (8, 16), (640, 1280, 1920), (24, 2560))
    kinds = [run["part"] for run in found]
    assert kinds == ["scaling"] * 7 + ["scaling-law"] * 2
    assert found[-1]["measured"] == found[6]["loss"] and found[6]["characters"] == 2560
    law = scaling.fit(found[:6], "joint")
    assert found[-1]["expected"] == pytest.approx(float(law.loss(found[6]["parameters"], 2560)))
    assert all(set(entry) == {"name", "sha256", "note"} for entry in experiment.data())


def test_wrong_values_are_refused():
    with pytest.raises(SettingError, match="kind = 'cubic'.*sum, joint"):
        scaling.fit(drawn_from("sum"), "cubic")
    with pytest.raises(SettingError, match="at least 5 runs"):
        scaling.fit(drawn_from("sum")[:4], "sum")


def test_a_power_law_of_one_variable():
    assert scaling.power_law([10, 100, 1000], [4, 2, 1]) == pytest.approx((np.log10(2), 8))


def test_the_check_gives_errors_with_their_sign():
    law = scaling.Law("joint", TRUTH["joint"], 0.004)
    run = {"parameters": 95e3, "characters": 288_000, "loss": float(law.loss(95e3, 288_000)) / 1.1}
    assert scaling.check({"joint": law}, run) == [["joint", 0.4, pytest.approx(1.1 * run["loss"]), run["loss"],
                                                   pytest.approx(10)]]
