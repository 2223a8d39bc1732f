import threading
from functools import partial

import numpy as np
import pytest

from labkit.settings import SettingError
from labkit.widgets.controls import Int, Log, Toggle
from labkit.widgets.curve import COLOURS, LabCurve, quantity, still_picture
from labkit.widgets.guesses import guess
from labkit.widgets.trace import KEPT_POINTS, Trace, decimate, legends, shown


def trace(points=3, number=1, seed=0, **settings):
    made = Trace(number, settings, seed, 100)
    for step in range(1, points + 1):
        made.add(step, {"train_loss": 1 / step, "validation_loss": 2 / step if step % 2 == 0 else None})
    return made


@pytest.mark.parametrize("length", [401, 402, 599, 1000, 12_345])
def test_decimate_keeps_the_ends_and_the_extremes_within_its_limit(length):
    values = np.random.default_rng(length).normal(size=length)
    steps = np.arange(1, length + 1) * 2.0
    x, y = decimate(steps, values)
    assert len(x) == len(y) <= KEPT_POINTS
    assert x.dtype == y.dtype == np.float32
    assert (x[0], x[-1], y[0], y[-1]) == (steps[0], steps[-1], np.float32(values[0]), np.float32(values[-1]))
    assert y.min() == np.float32(values.min()) and y.max() == np.float32(values.max())
    assert (np.diff(x) > 0).all() and set(zip(x, y, strict=True)) <= set(
        zip(steps.astype("float32"), values.astype("float32"), strict=True))


def test_decimate_loses_no_spike_wherever_it_is():
    for place in range(0, 3000, 7):
        for height in (-5.0, 5.0):
            values = np.zeros(3000)
            values[place] = height
            assert height in decimate(np.arange(3000.0), values)[1], place


@pytest.mark.parametrize("count", [4, 5, 10, 11])
def test_decimate_holds_any_limit(count):
    for length in range(count, 40):
        values = np.random.default_rng(length).normal(size=length)
        x, _y = decimate(np.arange(length, dtype=float), values, count)
        assert len(x) <= count and x[0] == 0 and x[-1] == length - 1
    steps, values = np.arange(count, dtype=float), np.ones(count)
    assert len(decimate(steps, values, count)[0]) == count      # nothing to leave out


@pytest.mark.parametrize("points", [1, 2, 300, 5000])
def test_packed_round_trips(points):
    made = trace(points)
    series, data = made.packed()
    numbers, at = np.frombuffer(data, "float32"), 0
    assert [one["name"] for one in series] == list(made.columns)
    for one in series:
        expected = decimate(*made[one["name"]])
        for part in expected:
            assert np.array_equal(numbers[at:at + one["length"]], part)
            at += one["length"]
    assert at == len(numbers)


def test_a_trace_reads_back_what_was_reported():
    made = trace(4)
    steps, values = made["validation_loss"]
    assert steps.tolist() == [2, 4] and values.tolist() == [1, 0.5]
    assert made.last("train_loss") == 0.25 and made.last_step == 4
    with pytest.raises(KeyError, match="'loss' was not reported; there are train_loss, validation_loss"):
        made["loss"]


@pytest.mark.parametrize("step, values", [(5, {"train_loss": "high"}), (5, {"train_loss": [1, 2]}), ("x", {"a": 1}),
                                          (5, {"train_loss": 1, "other": "high"})])
def test_a_report_that_is_no_number_leaves_nothing_behind(step, values):
    made = trace(4)
    with pytest.raises((TypeError, ValueError)):
        made.add(step, values)
    assert made.last_step == 4 and made.last("train_loss") == 0.25 and set(made.columns) == set(trace(4).columns)


def test_a_trace_can_be_read_while_another_thread_adds():
    made, errors = trace(20_000), []

    def add():
        try:
            for step in range(20_000, 60_000):
                made.add(step, {"train_loss": 1.0})
        except BufferError as error:
            errors.append(error)
    thread = threading.Thread(target=add)
    thread.start()
    while thread.is_alive():
        steps, values = made["train_loss"]
        assert len(steps) == len(values)
    assert not errors


def test_legends_name_what_differs():
    controls = {"learning_rate": Log(1e-4, 1, 3e-3), "augment": Toggle(True), "width": Int(4, 64, 8)}
    says = {name: partial(control.say, name) for name, control in controls.items()}
    same = {"learning_rate": 0.003, "augment": True, "width": 8}
    assert legends([trace(**same)], says) == ["#1"]
    runs = [trace(**same), trace(number=2, **{**same, "learning_rate": 0.1, "augment": False})]
    assert legends(runs, says) == ["#1 · learning rate 0.003 · augmentation ✓",
                                     "#2 · learning rate 0.1 · augmentation ✗"]
    assert legends([trace(**same), trace(number=2, seed=1, **same)], says) == ["#1 · seed 0", "#2 · seed 1"]
    values = (True, 0.00031, 5000.0, 12, "adam")
    assert [shown(value) for value in values] == ["✓", "0.00031", "5000", "12", "adam"]


def luminance(colour):
    """Relative luminance by WCAG 2.1."""
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
@pytest.mark.parametrize("colour", COLOURS)
def test_each_colour_stands_out_in_both_themes(colour, ground):
    dark, light = sorted((luminance(colour), luminance(ground)))
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_there_is_a_colour_for_each_run_that_is_shown():
    from labkit.widgets.live import EARLIER_RUNS
    assert len(set(COLOURS)) == EARLIER_RUNS + 1


def test_quantities_share_a_panel():
    names = ["train_loss", "validation_loss", "loss", "train_accuracy", "gradient_norm"]
    assert [quantity(name) for name in names] == ["loss", "loss", "loss", "accuracy", "gradient_norm"]


def test_the_curve_sends_descriptions_and_points():
    widget = LabCurve("title")
    widget.publish(trace(3), "#1", "training", "said", {"validation_accuracy": 0.9})
    assert widget.now["series"] == [{"name": "train_loss", "length": 3}, {"name": "validation_loss", "length": 1}]
    assert len(widget.now_points) == 4 * 2 * (3 + 1)
    widget.publish_past([trace(3), trace(5, number=2)], ["#1", "#2"])
    assert [run["legend"] for run in widget.past] == ["#1", "#2"]
    assert len(widget.past_points) == 4 * 2 * (3 + 1 + 5 + 2)


def test_the_still_picture_is_a_png_even_of_nothing():
    for traces in ([trace()], [trace(), trace(number=7)], [Trace(1, {}, 0, 10)]):
        assert still_picture(traces, ["#1"] * len(traces), "title").startswith(b"\x89PNG")
    assert still_picture([trace()], [r"$\frac$"], r"a lab of $\frac$").startswith(b"\x89PNG")    # no formula of TeX


@pytest.mark.parametrize("choice, answer, printed", [
    ("", "about 70 %", "Measured: about 70 %. (No guess was made.)"),
    ("about 70 %", "about 70 %", "Measured: about 70 %, as you guessed."),
    ("about 83 %", "about 70 %", "Measured: about 70 %. You guessed about 83 %."),
    ("about 83 %", 79.5, "Measured: about 83 %, as you guessed."),
    ("about 83 %", 1300, "Measured: 1,407 steps. You guessed about 83 %.")])
def test_a_guess_is_revealed(capsys, choice, answer, printed):
    asked = guess("How accurate?", ["about 70 %", "about 83 %", "1,407 steps"])
    shown = capsys.readouterr().out
    assert "How accurate?" in shown and "○ about 83 %" in shown
    asked.choice = choice
    asked.reveal(answer)
    assert capsys.readouterr().out == printed + "\n"


def test_an_answer_that_was_no_option_is_refused():
    with pytest.raises(SettingError, match="answer = 'maybe' cannot be used. Allowed: yes, no"):
        guess("Well?", ["yes", "no"]).reveal("maybe")
    with pytest.raises(SettingError, match="answer = 3"):
        guess("Well?", ["yes", "no"]).reveal(3)
