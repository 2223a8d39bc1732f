import json
import math

import pytest

from labkit.settings import SettingError
from labkit.widgets.controls import Choice, Float, Int, Log, Matrix, Point, Text, Toggle
from labkit.widgets.lab_controls import LabControls


@pytest.mark.parametrize("make, field", [
    (lambda: Log(0, 1, 0.5), "low"), (lambda: Log(-1, 1, 0.5), "low"), (lambda: Log(1, 1, 1), "low"),
    (lambda: Log(1, 0.1, 0.5), "low"), (lambda: Log("a", 1, 0.5), "low"), (lambda: Log(0.1, math.inf, 1), "high"),
    (lambda: Log(math.nan, 1, 0.5), "low"), (lambda: Log(1e-4, 1, 2), "value"), (lambda: Log(1e-4, 1, True), "value"),
    (lambda: Log(1e-4, 1, "0.1"), "value"), (lambda: Log(1e-4, 1, math.nan), "value"),
    (lambda: Int(4, 4, 4), "low"), (lambda: Int(1.5, 4, 2), "low"), (lambda: Int(1, 4.5, 2), "high"),
    (lambda: Int(1, 4, 2.5), "value"), (lambda: Int(1, 4, 5), "value"), (lambda: Int(1, None, 2), "high"),
    (lambda: Choice(), "options"), (lambda: Choice(32), "options"), (lambda: Choice(32, 64, value=48), "value"),
    (lambda: Toggle(1), "value"), (lambda: Toggle("on"), "value"),
    (lambda: Float(1, 1, 1), "low"), (lambda: Float(0, 1, 2), "value"), (lambda: Float(0, 1, 0, step=0), "step"),
    (lambda: Float(0, 1, 0, step=2), "step"), (lambda: Float(0, 1, 0, step="1"), "step"),
    (lambda: Text(1), "value"), (lambda: Text("abc", maximum=2), "value"), (lambda: Text("", maximum=0), "maximum"),
    (lambda: Matrix([]), "value"), (lambda: Matrix([[]]), "value"), (lambda: Matrix([[1], [1, 2]]), "value"),
    (lambda: Matrix([1, 2]), "value"), (lambda: Matrix("ab"), "value"), (lambda: Matrix([[10]]), "value"),
    (lambda: Matrix([["a"]]), "value"), (lambda: Matrix([[0] * 9]), "value"), (lambda: Matrix([[0]], step=0), "step"),
    (lambda: Matrix([[0]], high=math.inf), "high"),
    (lambda: Point((1,), panel="a"), "value"), (lambda: Point((1, math.nan), panel="a"), "value")])
def test_bad_constructions_are_refused(make, field):
    with pytest.raises(SettingError, match=f"^{field} = "):
        make()


@pytest.mark.parametrize("control, good, bad, allowed", [
    (Log(1e-4, 1, 3e-3), [1e-4, 0.5, 1], [0.9e-4, 1.01, -1, math.nan, math.inf, "0.1", True, None],
     "a number from 0.0001 to 1"),
    (Int(4, 64, 16), [4, 64, 16.0], [3, 65, 4.5, "16", False, None, math.nan], "number from 4 to 64"),
    (Choice("sgd", "adam"), ["sgd", "adam"], ["Adam", 3, None], "sgd, adam"),
    (Choice(32, 128, value=128), [32, 128.0], [64, "32"], "32, 128"),
    (Toggle(), [True, False], [0, 1, "on", None], "True, False"),
    (Float(-3, 3, 0), [-3, 0.123, 3], [3.01, "0", None, True, math.nan], "a number from -3 to 3"),
    (Text("a", maximum=3), ["", "abc", "<b>", "😀文x"], ["abcd", 1, None, ["a"]], "text of at most 3 characters"),
    (Matrix([[0, 1]]), [((1.5, -9),)], [[[1]], [[1, 2], [3, 4]], [[1, "2"]], [[1, 9.1]], [1, 2], "ab", [[1, None]]],
     "1 × 2 numbers from -9 to 9"),
    (Point((0, 1), panel="a"), [(0.5, -100)], [(1,), (1, "2"), "ab", None, (1, math.inf)],
     "two finite numbers (x, y)")])
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
    assert type(Float(0, 1, 0).check("x", 1)) is float
    assert Matrix([[0, 1], [1, 0]]).check("x", [[1, 2], [3, 4]]) == ((1.0, 2.0), (3.0, 4.0))
    assert Point([0, 1], panel="a").check("x", [2, 3]) == (2.0, 3.0)


@pytest.mark.parametrize("low, high, step", [(0, 1, 0.01), (-3, 3, 0.05), (0, 100, 1), (0, 0.7, 0.005), (1, 1001, 10)])
def test_a_slider_has_a_hundred_round_steps_or_a_few_more(low, high, step):
    assert Float(low, high, low).step == step
    assert Float(low, high, low, step=0.125).step == 0.125


def test_a_choice_shows_its_words_in_chinese_and_keeps_its_values(monkeypatch):
    monkeypatch.setenv("LABKIT_LANGUAGE", "zh")
    choice = Choice("accuracy", "not in the catalogue", 0.0, value="accuracy", label="loss")
    described = choice.describe("shown")
    assert described["options"] == ["accuracy", "not in the catalogue", 0.0] and choice.value == "accuracy"
    assert described["shown"] == ["准确率", "not in the catalogue", 0.0]
    assert choice.say("shown", "accuracy") == "损失 准确率"
    assert Text("accuracy").words("accuracy") == "accuracy"         # what a learner types stays as it is


def test_describe_takes_known_texts_unless_others_are_given():
    assert Log(1e-4, 1, 3e-3).describe("learning_rate") == {
        "name": "learning_rate", "kind": "log", "label": "learning rate", "unit": "",
        "help": "how far each step moves the weights", "low": 1e-4, "high": 1}
    assert Int(1, 9, 3, label="heads", unit="per layer", help="h").describe("n_heads") == {
        "name": "n_heads", "kind": "int", "label": "heads", "unit": "per layer", "help": "h", "low": 1, "high": 9}
    assert Choice("a", "b", value="b").describe("first_layer") == {
        "name": "first_layer", "kind": "choice", "label": "first layer", "unit": "", "help": "", "options": ["a", "b"],
        "shown": ["a", "b"]}
    assert Toggle(True).describe("augment")["kind"] == "toggle"
    assert Float(0, 1, 0).describe("x").items() >= {"kind": "float", "low": 0, "high": 1, "step": 0.01}.items()
    assert Text("a", maximum=9).describe("x").items() >= {"kind": "text", "maximum": 9}.items()
    assert Matrix([[1, 2, 3]]).describe("kernel").items() >= {
        "kind": "matrix", "rows": 1, "columns": 3, "cell": "row {row}, column {column}", "step": 0.1,
        "allowed": "a number from -9 to 9"}.items()
    assert Point((0, 0), panel="loss").describe("start").items() >= {"kind": "point", "panel": "loss"}.items()


def test_the_widget_holds_what_the_page_needs_as_json():
    controls = {"learning_rate": Log(1e-4, 1, 3e-3), "width": Int(4, 64, 16), "optimizer": Choice("sgd", "adam"),
                  "augment": Toggle(), "kernel": Matrix([[0, 1]]), "words": Text("a")}
    widget = LabControls(controls, {"validation_accuracy": 0.85})
    assert widget.values == {"learning_rate": 3e-3, "width": 16, "optimizer": "sgd", "augment": False,
                             "kernel": ((0, 1),), "words": "a"}
    assert [control["name"] for control in widget.controls] == list(controls)
    assert widget.labels["goals"] == {"validation_accuracy": "stop at validation accuracy"}
    assert widget.goal == {"validation_accuracy": 0.85}
    json.dumps([widget.controls, widget.labels, widget.values], allow_nan=False)
    assert {"stop", "resume", "restart", "new_seed", "clear"} <= widget.labels.keys()


def test_its_plain_text_is_constant():
    data, _metadata = LabControls({"x": Toggle()}, {})._repr_mimebundle_()
    assert data["text/plain"] == "[live controls: run this cell to use them]"
    assert "application/vnd.jupyter.widget-view+json" in data
