import json
import math

import pytest

from labkit.settings import SettingError
from labkit.widgets.controls import Choice, Int, LabControls, Log, Toggle


@pytest.mark.parametrize("make, field", [
    (lambda: Log(0, 1, 0.5), "low"), (lambda: Log(-1, 1, 0.5), "low"), (lambda: Log(1, 1, 1), "low"),
    (lambda: Log(1, 0.1, 0.5), "low"), (lambda: Log("a", 1, 0.5), "low"), (lambda: Log(0.1, math.inf, 1), "high"),
    (lambda: Log(math.nan, 1, 0.5), "low"), (lambda: Log(1e-4, 1, 2), "value"), (lambda: Log(1e-4, 1, True), "value"),
    (lambda: Log(1e-4, 1, "0.1"), "value"), (lambda: Log(1e-4, 1, math.nan), "value"),
    (lambda: Int(4, 4, 4), "low"), (lambda: Int(1.5, 4, 2), "low"), (lambda: Int(1, 4.5, 2), "high"),
    (lambda: Int(1, 4, 2.5), "value"), (lambda: Int(1, 4, 5), "value"), (lambda: Int(1, None, 2), "high"),
    (lambda: Choice(), "options"), (lambda: Choice(32), "options"), (lambda: Choice(32, 64, value=48), "value"),
    (lambda: Toggle(1), "value"), (lambda: Toggle("on"), "value")])
def test_bad_constructions_are_refused(make, field):
    with pytest.raises(SettingError, match=f"^{field} = "):
        make()


@pytest.mark.parametrize("control, good, bad, allowed", [
    (Log(1e-4, 1, 3e-3), [1e-4, 0.5, 1], [0.9e-4, 1.01, -1, math.nan, math.inf, "0.1", True, None],
     "a number from 0.0001 to 1"),
    (Int(4, 64, 16), [4, 64, 16.0], [3, 65, 4.5, "16", False, None, math.nan], "number from 4 to 64"),
    (Choice("sgd", "adam"), ["sgd", "adam"], ["Adam", 3, None], "sgd, adam"),
    (Choice(32, 128, value=128), [32, 128.0], [64, "32"], "32, 128"),
    (Toggle(), [True, False], [0, 1, "on", None], "True, False")])
def test_check_returns_good_values_and_refuses_others(control, good, bad, allowed):
    for value in good:
        assert control.check("x", value) == value
    for value in bad:
        with pytest.raises(SettingError) as caught:
            control.check("x", value)
        assert str(caught.value).startswith(f"x = {value!r} cannot be used.") and allowed in str(caught.value)


def test_checked_values_have_the_types_that_training_expects():
    assert type(Int(4, 64, 16).check("width", 16.0)) is int
    assert type(Choice(32, 128).check("batch_size", 32.0)) is int


def test_describe_takes_known_texts_unless_others_are_given():
    assert Log(1e-4, 1, 3e-3).describe("learning_rate") == {
        "name": "learning_rate", "kind": "log", "label": "learning rate", "unit": "",
        "help": "how far each step moves the weights", "low": 1e-4, "high": 1}
    assert Int(1, 9, 3, label="heads", unit="per layer", help="h").describe("n_heads") == {
        "name": "n_heads", "kind": "int", "label": "heads", "unit": "per layer", "help": "h", "low": 1, "high": 9}
    assert Choice("a", "b", value="b").describe("first_layer") == {
        "name": "first_layer", "kind": "choice", "label": "first layer", "unit": "", "help": "", "options": ["a", "b"]}
    assert Toggle(True).describe("augment")["kind"] == "toggle"


def test_the_widget_holds_what_the_page_needs_as_json():
    controls = {"learning_rate": Log(1e-4, 1, 3e-3), "width": Int(4, 64, 16), "optimizer": Choice("sgd", "adam"),
                "augment": Toggle()}
    widget = LabControls(controls, {"validation_accuracy": 0.85})
    assert widget.values == {"learning_rate": 3e-3, "width": 16, "optimizer": "sgd", "augment": False}
    assert [control["name"] for control in widget.controls] == list(controls)
    assert widget.labels["goals"] == {"validation_accuracy": "stop at validation accuracy"}
    assert widget.goal == {"validation_accuracy": 0.85}
    json.dumps([widget.controls, widget.labels, widget.values], allow_nan=False)
    assert {"stop", "resume", "restart", "new_seed", "clear"} <= widget.labels.keys()


def test_its_plain_text_is_constant():
    data, _metadata = LabControls({"x": Toggle()}, {})._repr_mimebundle_()
    assert data["text/plain"] == "[live controls: run this cell to use them]"
    assert "application/vnd.jupyter.widget-view+json" in data
