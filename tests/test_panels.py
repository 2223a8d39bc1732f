"""Panels and snapshots: what is sent to the page is what was given, and nothing else was changed by it."""
import io
import json

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

import labkit as lk
from labkit.settings import SettingError
from labkit.widgets import panels_still
from labkit.widgets.panels import STOPS, aligned, labels, packet


def decoded(panel):
    """The values that the page reads from an image panel."""
    s = panel.settings
    data = np.frombuffer(panel.buffers[0], "uint8").reshape(s["size"])
    return np.where(s["missing"] & (data == 255), np.nan, s["offset"] + s["unit"] * data)


def test_an_image_keeps_its_values_within_half_a_level_and_whole_numbers_exactly():
    values = np.random.default_rng(0).normal(size=(5, 7))
    panel = lk.panels.image(values)
    assert np.abs(decoded(panel) - values).max() <= np.ptp(values) / 255 / 2 + 1e-12
    assert panel.ranges["range"] == (values.min(), values.max())
    assert panel.buffers[0] == lk.panels.image(torch.tensor(values, requires_grad=True)).buffers[0]
    for whole in ([[-1, 0, 1], [3, -9, 200]], np.arange(256).reshape(16, 16).astype("uint8"), [[True, False]]):
        assert (decoded(lk.panels.image(whole)) == np.asarray(whole, float)).all()
    assert lk.panels.image(np.array([[7, 9]], "uint8")).ranges["range"] == (0, 255)


def test_what_is_no_number_has_a_byte_of_its_own_and_what_lies_outside_is_the_nearer_end():
    panel = lk.panels.image([[0.25, float("nan"), float("-inf"), 9.5]], low=0, high=1)
    assert np.array_equal(np.isnan(decoded(panel)), [[False, True, True, False]])
    assert decoded(panel)[0, 0] == pytest.approx(0.25, abs=1 / 254) and decoded(panel)[0, 3] == pytest.approx(1)
    assert np.isnan(decoded(lk.panels.image([[float("nan")]]))).all()
    flat = lk.panels.image(np.full((2, 2), 0.3))
    assert decoded(flat) == pytest.approx(np.full((2, 2), 0.3), abs=1 / 255)


def test_a_diverging_image_is_symmetric_and_a_colour_image_is_sent_as_it_is():
    assert lk.panels.image([[-1, 3]], colours="diverging").ranges["range"] == (-3, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 6), dtype="uint8")
    panel = lk.panels.image(pixels)
    assert panel.buffers == (pixels.tobytes(),) and not panel.ranges


def test_marks_and_ranges_travel_with_an_image():
    panel = lk.panels.image(np.zeros((3, 5)), marks=[(0.5, 1, "a"), (2, 2, "b"), (0, 0, "a")], x_range=(-1, 1),
                            y_range=(0, 2))
    assert panel.floats(1).reshape(-1, 2).tolist() == [[0.5, 1], [2, 2], [0, 0]]
    assert [panel.settings["marks"][int(place)] for place in panel.floats(2)] == ["a", "b", "a"]
    assert (panel.settings["x"], panel.settings["y"], panel.settings["up"]) == ([-1, 1], [0, 2], True)
    assert lk.panels.image(np.zeros((3, 5))).settings["up"] is False


def test_curves_share_their_xs_and_may_have_their_own():
    panel = lk.panels.lines([1, 2, 3], {"a": [1, 4, 9], "b": torch.tensor([2.0, 3.0, 4.0]), "c": ([5, 6], [0, 8])})
    xs, ys = zip(*panel.settings["places"], strict=True)
    assert xs[0] == xs[1] and len(panel.buffers) == 5
    assert panel.floats(ys[1]).tolist() == [2, 3, 4] and panel.floats(xs[2]).tolist() == [5, 6]
    assert panel.ranges["x_range"] == (1, 6)
    low, high = panel.ranges["y_range"]
    assert low == 0 and 9 < high < 10
    two = lk.panels.lines([1, 2], {"a": (3, 4)})        # a tuple of two numbers is no pair of xs and ys
    assert two.floats(two.settings["places"][0][1]).tolist() == [3, 4]


def test_a_long_curve_is_thinned_and_keeps_its_spike():
    ys = np.zeros(10_000)
    ys[5432] = 7
    panel = lk.panels.lines(np.arange(10_000), {"a": ys})
    _x, y = panel.settings["places"][0]
    assert len(panel.floats(y)) <= 400 and panel.floats(y).max() == 7


def test_axes_hold_what_can_be_drawn():
    assert lk.panels.lines([1, 2, 3], {"a": [0, 1, 100]}, log=True).ranges["y_range"][0] == pytest.approx(0.8, abs=0.1)
    assert lk.panels.lines([1, 2], {"a": [1, float("inf")]}).ranges["y_range"] == pytest.approx((0.9, 1.1))
    assert lk.panels.lines([1, 2], {"a": [1e300, 2]}).ranges["y_range"] == pytest.approx((1.8, 2.2))
    assert lk.panels.lines([1], {"a": [5]}, y_range=(0, 10)).ranges["y_range"] == [0, 10]
    assert lk.panels.bars({"a": 3}).ranges["y_range"][0] == 0
    low, high = lk.panels.bars({"a": 3, "b": -1}).ranges["y_range"]
    assert low < -1 and high > 3


def test_a_description_is_json_and_a_packet_carries_the_bytes():
    drawn = {"a": lk.panels.image(np.eye(3, dtype="float32"), marks=[(1, 1, "x")], title="eye"),
             "b": lk.panels.lines([1], {"l": [2]}), "c": lk.panels.bars({"x": np.float32(1)}),
             "d": lk.panels.tokens(["a", "b"], torch.ones(2)), "e": lk.panels.text("words"),
             "f": lk.panels.table([["a", 0.123456], ["b", None]], ["name", 1])}
    json.dumps([panel.describe() for panel in drawn.values()])
    sent = packet(drawn)
    assert [entry["name"] for entry in sent] == list(drawn) and sent[0]["buffers"] == list(drawn["a"].buffers)
    assert sent[0]["description"]["title"] == "eye" and "3 × 3" in sent[0]["description"]["summary"]
    assert sent[5]["description"]["rows"] == [["a", "0.1235"], ["b", "None"]]
    assert lk.panels.text("words") == lk.panels.text("words") != lk.panels.text("other words")


@pytest.mark.parametrize("field, make", [
    ("values", lambda: lk.panels.image(np.zeros((2, 3, 4)))), ("values", lambda: lk.panels.image([])),
    ("values", lambda: lk.panels.image(np.zeros((3, 4, 4)))),
    ("colours", lambda: lk.panels.image([[1]], colours="red")),
    ("low", lambda: lk.panels.image([[1]], low=2, high=1)), ("x_range", lambda: lk.panels.image([[1]], x_range=(1, 0))),
    ("curves", lambda: lk.panels.lines([1], {})), (r"curves\['a'\]", lambda: lk.panels.lines([1], {"a": [1, 2]})),
    (r"curves\['a'\]", lambda: lk.panels.lines([], {"a": []})),
    ("y_range", lambda: lk.panels.lines([1], {"a": [1]}, y_range=(0, 1), log=True)),
    ("values", lambda: lk.panels.bars({})), ("values", lambda: lk.panels.tokens(["a"], [1, 2])),
    ("rows", lambda: lk.panels.table([[1, 2]], ["a"]))])
def test_wrong_values_are_refused(field, make):
    with pytest.raises(SettingError, match=f"^{field} = "):
        make()


def test_aligned_panels_share_the_ranges_that_hold_them_all():
    first, second = aligned([lk.panels.image([[0.5, 1]]), lk.panels.image([[-2, 0.25]])])
    assert first.ranges == second.ranges == {"range": (-2, 1)}
    assert decoded(second)[0, 1] == pytest.approx(0.25, abs=0.01)       # the bytes still mean what they did
    lines = aligned([lk.panels.lines([1, n], {"a": [1, n]}, y_range=(0, 50)) for n in (5, 9)])
    assert {panel.ranges["x_range"] for panel in lines} == {(1, 9)}
    assert {panel.ranges["y_range"] for panel in lines} == {(0, 50)}


def luminance(colour) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.asarray(colour) / 255]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_the_scales_go_one_way_and_curves_stand_out_in_both_themes():
    light = {name: [luminance(stop) for stop in stops] for name, stops in STOPS.items()}
    assert light["grey"] == sorted(light["grey"]) and light["blue"] == sorted(light["blue"], reverse=True)
    assert light["diverging"][1] == max(light["diverging"]) == pytest.approx(1)
    for colour in labels()["colours"]:
        own = luminance([int(colour[i:i + 2], 16) for i in (1, 3, 5)])
        for ground in (luminance([255] * 3), luminance([17] * 3)):      # JupyterLab's light and dark ground
            assert (max(own, ground) + 0.05) / (min(own, ground) + 0.05) >= 3


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))


def test_a_decision_boundary_is_what_the_model_says_of_each_place(model):
    points = torch.tensor([[-2.0, 0.0], [2.0, 1.0], [0.0, -1.0]])
    panel = lk.snapshots.decision_boundary(model, points, torch.tensor([0, 1, 1]), size=16)
    xs, ys = (np.linspace(*panel.settings[name], 16) for name in "xy")
    assert xs[0] < -2 and xs[-1] > 2 and ys[0] < -1 and ys[-1] > 1
    model.eval()
    with torch.no_grad():
        expected = [[model(torch.tensor([[x, y]]).float()).softmax(1)[0, 1].item() for x in xs] for y in ys]
    assert np.abs(decoded(panel) - expected).max() < 1 / 254
    assert panel.settings["marks"] == ["●", "▲"] and panel.floats(1).reshape(-1, 2).tolist() == points.tolist()
    three = lk.snapshots.decision_boundary(nn.Linear(2, 3), points, torch.tensor([0, 1, 2]))
    assert three.settings["size"] == [3, 64, 64] and len(three.settings["marks"]) == 3


def test_snapshots_do_not_disturb_training(model):
    model.train()
    model[1].eval()         # as one who freezes a layer does
    points = torch.randn(300, 2)
    nn.functional.cross_entropy(model(points), torch.zeros(300).long()).backward()
    before = ([module.training for module in model.modules()], {k: v.clone() for k, v in model.state_dict().items()},
              torch.get_rng_state(), [parameter.grad.clone() for parameter in model.parameters()])
    panel = lk.snapshots.decision_boundary(model, points, torch.zeros(300).long())
    lk.snapshots.weights(model[0].weight)
    sizes = lk.snapshots.gradient_sizes(model)
    assert [module.training for module in model.modules()] == before[0]
    assert all(torch.equal(value, before[1][name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), before[2])
    assert all(map(torch.equal, [parameter.grad for parameter in model.parameters()], before[3]))
    assert len(panel.floats(2)) == 150
    assert sizes["0.weight"] == pytest.approx(before[3][0].square().sum().sqrt().item())
    assert list(sizes) == [name for name, _parameter in model.named_parameters()]
    assert lk.snapshots.gradient_sizes(nn.Linear(2, 2)) == {}


def test_a_model_that_fails_is_left_in_the_mode_it_was_in(model):
    model.train()
    with pytest.raises(RuntimeError):
        lk.snapshots.decision_boundary(nn.Sequential(model, nn.Linear(3, 2)), torch.randn(4, 2), torch.zeros(4))
    assert all(module.training for module in model.modules())


def test_weights_and_heads_are_tiles_that_know_their_place():
    matrix = lk.snapshots.weights(torch.tensor([[1.0, -2.0]]))
    assert matrix.ranges["range"] == (-2, 2) and decoded(matrix).shape == (1, 2)
    filters = torch.randn(6, 2, 3, 3)
    panel = lk.snapshots.weights(filters)
    sheet = decoded(panel)
    assert sheet.shape == (2 * 4 - 1, 3 * 4 - 1) and panel.settings["tile"]["across"] == 3
    assert sheet[4:7, 4:7] == pytest.approx(filters[4].mean(0).numpy(), abs=0.05) and np.isnan(sheet[3]).all()
    heads = lk.snapshots.heads(torch.rand(5, 4, 4).softmax(2))
    assert heads.ranges["range"][0] == 0 and decoded(heads).shape == (2 * 5 - 1, 3 * 5 - 1)
    assert np.isnan(decoded(heads)[5:, 10:]).all()      # there is no sixth head
    for count, across in {1: 1, 2: 2, 3: 3, 4: 2, 7: 3, 8: 4}.items():
        assert lk.snapshots.heads(torch.rand(count, 2, 2)).settings["tile"]["across"] == across


@pytest.mark.parametrize("field, make", [
    ("inputs", lambda: lk.snapshots.decision_boundary(nn.Linear(3, 2), torch.zeros(4, 3), torch.zeros(4))),
    ("inputs", lambda: lk.snapshots.decision_boundary(nn.Linear(2, 2), torch.zeros(4, 2), torch.zeros(3))),
    ("size", lambda: lk.snapshots.decision_boundary(nn.Linear(2, 2), torch.zeros(4, 2), torch.zeros(4), size=1)),
    (r"model\(inputs\).shape",
     lambda: lk.snapshots.decision_boundary(nn.Linear(2, 1), torch.zeros(4, 2), torch.zeros(4))),
    ("weight", lambda: lk.snapshots.weights(torch.zeros(3))),
    ("weights", lambda: lk.snapshots.heads(torch.zeros(3, 3)))])
def test_snapshots_refuse_what_they_cannot_draw(field, make):
    with pytest.raises(SettingError, match=f"^{field} = "):
        make()


def drawn(panel):
    axes = Figure().add_subplot()
    panels_still.draw(axes, panel)
    return axes


def test_the_still_copy_draws_what_the_page_draws():
    values = np.arange(12.0).reshape(3, 4) / 3
    axes = drawn(lk.panels.image(values, x_range=(0, 3), y_range=(10, 30)))
    assert np.abs(axes.images[0].get_array() - values).max() < 0.01 and axes.images[0].origin == "lower"
    assert axes.images[0].get_extent() == pytest.approx([-0.5, 3.5, 5, 35])
    lines = drawn(lk.panels.lines([1, 2], {"a": [1, 2], "b": [3, 1]}, log=True)).lines
    assert [line.get_ydata().tolist() for line in lines] == [[1, 2], [3, 1]]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 2
    bars = drawn(lk.panels.bars({"a": 2, "b": -1})).patches
    assert [bar.get_width() for bar in bars] == [2, -1]


def test_the_still_copy_survives_any_words_and_is_as_wide_as_the_others():
    evil = "$\\frac{$ _a <b> 狗 " * 8
    panels = [lk.panels.image([[1, 2]], title=evil, marks=[(0, 0, evil)]), lk.panels.text(evil),
              lk.panels.tokens([evil]), lk.panels.lines([1], {evil: [1], "b": [2]}, x=evil, y=evil),
              lk.panels.bars({evil: 1}, y=evil),
              lk.panels.table([[evil]] * 20, [evil])]
    for rows, captions in (([panels], [""]), ([panels] * 3, [evil] * 3)):
        png = panels_still.picture(rows, captions, evil, "note")
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.width == 900
