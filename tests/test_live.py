import signal
import threading
import time

import numpy as np
import pytest
import torch
from toy import ToyNet, toy_dataset

from labkit.settings import SettingError
from labkit.training import Recipe, Run
from labkit.widgets import still
from labkit.widgets.controls import Choice, Int, Log
from labkit.widgets.curve import COLOURS
from labkit.widgets.live import EARLIER_RUNS, LabError, LiveLab

DATA = toy_dataset()
SECONDS = 20        # longer than anything here takes; a hang fails instead of staying


def train(p, report):
    """A real run with dropout, and draws of the function's own as a learner might make."""
    recipe = Recipe(steps=p.steps, learning_rate=p.learning_rate, seed=p.seed, validate_every=20)
    for step in Run(ToyNet, DATA, recipe, threads=1):
        report(step, train_loss=step.loss, validation_accuracy=step.validation_accuracy, draw=torch.rand(()))


def tick(p, report):
    """No network: as fast as a lab can go."""
    for step in range(1, p.steps + 1):
        report(step, train_loss=p.learning_rate + torch.rand(()))


@pytest.fixture
def make():
    """Build a lab; no thread of one may outlive its test."""
    labs = []

    def build(function=train, **options):
        lab = LiveLab(function, **{"steps": (30, 60), "learning_rate": Log(1e-4, 1, 3e-3), **options})
        labs.append(lab)
        return lab
    yield build
    for lab in labs:
        if lab._worker is not None:             # paused: let it run out
            lab.goal.clear()
            lab._steps = (1, 1)
            lab.restart()
            wait(lab)
    deadline = time.monotonic() + SECONDS
    while any(thread.name == "labkit-lab" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a lab's thread stays"
        time.sleep(0.005)


def wait(lab):
    lab.wait(timeout=SECONDS)
    assert lab._worker is None or lab.history.state == "paused", lab.status


def until(condition):
    """Wait for a worker to come so far."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


def curve(lab):
    return {name: lab.history[name][1].tolist() for name in lab.history.columns}


def test_show_waits_for_the_first_run(make):
    lab = make()
    lab.show()
    assert lab.history.state == "finished" and lab.history["train_loss"][0].tolist() == list(range(1, 31))
    assert lab.history["validation_accuracy"][0].tolist() == [20, 30]
    assert lab.status.startswith("finished · step 30 of 30 · ") and lab.error is None
    assert not any(thread.name == "labkit-lab" for thread in threading.enumerate())


def test_show_leaves_the_still_copy_as_the_last_output_and_renews_it(make, monkeypatch):
    shown, updated = [], []

    class Handle:
        def update(self, bundle, **options):
            updated.append(bundle)

    def display(bundle, **options):
        shown.append((bundle, options))
        return Handle()
    monkeypatch.setattr(still, "display", display)
    lab = make(title="a lab")
    lab.show()
    (bundle, options), = shown
    assert bundle["image/png"].startswith(b"\x89PNG") and bundle["text/plain"] == "still copy of the curves above"
    assert options["metadata"]["image/png"]["alt"].startswith("a lab: train loss 0.")
    lab.restart()
    wait(lab)
    assert len(shown) == 1 and updated[-1] != bundle
    lab.show()
    assert len(shown) == 2          # a cell run again has a copy of its own


def test_later_runs_are_longer_and_the_page_is_sent_all_of_it(make):
    lab = make()
    lab.show()
    lab.set(learning_rate=0.1)
    wait(lab)
    assert lab.history.last_step == 60 and lab.history.settings == {"learning_rate": 0.1}
    now, past = lab.curve.now, lab.curve.past
    assert now["state"] == "finished" and now["legend"] == "#2 · learning rate 0.1"
    assert now["series"][0] == {"name": "train_loss", "length": 60}
    points = np.frombuffer(lab.curve.now_points, "float32")
    assert points[:60].tolist() == list(range(1, 61))
    assert np.array_equal(points[60:120], lab.history["train_loss"][1].astype("float32"))
    assert [run["legend"] for run in past] == ["#1 · learning rate 0.003"]


def test_a_moved_slider_supersedes_the_run_at_once(make):
    lab = make(steps=(30, 100_000))
    lab.show()
    lab.restart()
    until(lambda: lab.history.number == 2 and lab.history.last_step > 20)
    old = lab.history
    old.steps = 100             # so that it was long enough to stay as a ghost
    began = time.perf_counter()
    lab.set(learning_rate=0.5)
    until(lambda: lab.history is not old and lab.history.last_step > 0)
    assert time.perf_counter() - began < 2
    assert old.state == "superseded" and old in lab.runs and old.last_step == old["train_loss"][0][-1]
    length = len(old["train_loss"][0])
    assert lab.history.settings == {"learning_rate": 0.5}
    lab.stop()
    wait(lab)
    assert len(old["train_loss"][0]) == length          # nothing was written after it was left


def test_fifty_quick_moves_end_with_the_last_values(make):
    lab = make()
    lab.show()
    for count in range(50):
        lab.set(learning_rate=0.001 * (count + 1))
    wait(lab)
    assert lab.history.settings == {"learning_rate": pytest.approx(0.05)} and lab.history.state == "finished"
    assert lab.values == lab.history.settings
    fresh = make()
    fresh.set(learning_rate=lab.values["learning_rate"])
    wait(fresh)
    assert curve(fresh) == curve(lab)
    assert len(lab.runs) <= EARLIER_RUNS + 1


def test_the_last_runs_stay_as_ghosts(make):
    lab = make(tick, steps=(5, 5))
    for _count in range(9):
        lab.restart(new_seed=True)
        wait(lab)
    assert [trace.number for trace in lab.runs] == [4, 5, 6, 7, 8, 9]
    lab.clear()
    assert [trace.number for trace in lab.runs] == [9] and lab.curve.past == []
    lab.restart(new_seed=True)
    wait(lab)
    assert [trace.number for trace in lab.runs] == [9, 10]


def test_a_finished_run_takes_the_place_of_one_with_the_same_settings_seed_and_steps(make):
    lab = make(tick, steps=(5, 300))
    lab.show()
    for rate in (0.1, 0.2, 0.1):
        lab.set(learning_rate=rate)
        wait(lab)
    assert [(run.number, run.settings["learning_rate"]) for run in lab.runs] == [(1, 0.003), (3, 0.2), (4, 0.1)]
    assert [run["legend"] for run in lab.curve.past] == ["#1 · learning rate 0.003", "#3 · learning rate 0.2"]
    lab.set(learning_rate=0.003)
    wait(lab)
    assert [run.number for run in lab.runs] == [1, 3, 4, 5]         # the first had fewer steps
    for rate in (0.3, 0.003, 0.4, 0.5, 0.2, 0.6, 0.7):
        lab.set(learning_rate=rate)
        wait(lab)
        shown = [run["colour"] for run in (*lab.curve.past, lab.curve.now)]
        assert len(set(shown)) == len(shown) and set(shown) <= set(COLOURS)
    assert len(lab.runs) == EARLIER_RUNS + 1


def test_a_run_that_is_left_does_not_cost_the_one_it_repeats(make):
    gate = threading.Event()

    def function(p, report):
        for step in range(1, p.steps + 1):
            report(step, train_loss=1.0)
            gate.wait(10)
    gate.set()
    lab = make(function, steps=(30, 30))
    lab.show()
    gate.clear()
    lab.restart()
    until(lambda: lab.history.number == 2 and lab.history.last_step == 1)
    lab.set(learning_rate=0.1)
    gate.set()
    wait(lab)
    assert [(run.settings["learning_rate"], run.state) for run in lab.runs] == [(0.003, "finished"), (0.1, "finished")]


def test_clear_before_any_run_does_nothing(make):
    lab = make()
    lab.clear()
    assert lab.runs == [] and lab.history is None


def test_stop_and_resume_equal_the_unstopped_run_bit_for_bit(make):
    unstopped = make(steps=(200, 200))
    unstopped.show()
    lab = make(steps=(200, 200))
    lab.restart()
    pauses = 0
    while lab.history is None or lab.history.state != "finished":
        lab.stop()
        wait(lab)
        if lab.history.state == "paused":
            pauses += 1
            assert lab.status.startswith("paused · step ")
            torch.rand(7)                       # the notebook goes on with its own numbers meanwhile
        reached = lab.history.last_step
        lab.resume()
        until(lambda: lab._worker is None or lab.history.last_step > reached)     # noqa: B023
    assert pauses > 2 and curve(lab) == curve(unstopped)


def test_nothing_moves_during_a_pause(make):
    lab = make(steps=(100_000, 100_000))
    lab.restart()
    until(lambda: lab.history and lab.history.last_step > 3)
    lab.stop()
    wait(lab)
    length, sent = lab.history.last_step, lab.curve.now_points
    time.sleep(0.05)
    assert lab.history.last_step == length and lab.curve.now_points is sent and lab.curve.now["state"] == "paused"


def test_restart_repeats_with_the_same_seed_and_differs_with_a_new_one(make):
    lab = make(steps=(60, 60))
    lab.show()
    first = curve(lab)
    lab.restart()
    wait(lab)
    assert curve(lab) == first
    lab.restart(new_seed=True)
    wait(lab)
    assert lab.history.seed == 1 and curve(lab) != first and curve(lab)["draw"] != first["draw"]
    assert [run["legend"] for run in lab.curve.past] == ["#2 · seed 0"]


def test_a_goal_pauses_once(make):
    lab = make(steps=(400, 400), goal={"validation_accuracy": 0.8, "train_loss": 0.0}, learning_rate=Log(1e-4, 1, 0.02))
    lab.show()
    assert lab.history.state == "paused" and lab.history.last("validation_accuracy") >= 0.8
    reached = lab.history.last_step
    assert reached % 20 == 0 and (lab.history["validation_accuracy"][1][:-1] < 0.8).all()
    assert lab.curve.now["goal"] == {"validation_accuracy": 0.8, "train_loss": 0.0}
    lab.resume()
    wait(lab)
    assert lab.history.state == "finished" and lab.history.last_step == 400


def test_a_loss_reaches_its_goal_from_above(make):
    def fall(p, report):
        for step in range(1, p.steps + 1):
            report(step, train_loss=1 / step)
    lab = make(fall, goal={"train_loss": 0.1})
    lab.show()
    assert lab.history.state == "paused" and lab.history.last_step == 10


def fails_at(step, error):
    def function(p, report):
        for count in range(1, p.steps + 1):
            if count == step and p.learning_rate < 0.1:
                raise error
            report(count, train_loss=count)
    return function


@pytest.mark.parametrize("error", [ValueError("a learner's mistake"), KeyError("x"), SystemExit(3)])
def test_a_train_that_raises_fails_and_keeps_its_curve(make, error):
    lab = make(fails_at(10, error))
    with pytest.raises(type(error)) as caught:
        lab.show()
    assert caught.value is error and lab.error is error
    assert lab.history.state == "failed" and lab.history["train_loss"][0].tolist() == list(range(1, 10))
    assert lab.curve.now["state"] == "failed" and f"{type(error).__name__}: {error}" in lab.status
    lab.set(learning_rate=0.5)                          # and the lab still works
    wait(lab)
    assert lab.error is None and lab.history.state == "finished" and len(lab.runs) == 2


@pytest.mark.parametrize("function", [lambda p, report: None, lambda p, report: report(1),
                                      lambda p, report: report(1, train_loss=None)])
def test_a_train_that_reports_nothing_is_told_so(make, function):
    lab = make(function)
    with pytest.raises(LabError, match="train ended without a report"):
        lab.show()
    assert lab.history.state == "failed"


@pytest.mark.parametrize("function, error", [
    (lambda p, report: report(1, train_loss="low"), ValueError),
    (lambda p, report: report(1, train_loss=[1]), TypeError),
    (lambda p, report: report(None, train_loss=1), TypeError), (lambda p: None, TypeError)])
def test_a_report_that_is_no_number_fails_the_run_and_not_the_lab(make, function, error):
    lab = make(function)
    with pytest.raises(error):
        lab.show()
    assert lab.history.state == "failed" and lab._worker is None


def test_unknown_controls_and_bad_values_are_refused_and_change_nothing(make):
    lab = make(batch_size=Choice(32, 64), width=Int(4, 64, 16))
    lab.show()
    for values, message in (({"rate": 1}, "control = 'rate' cannot be used. Allowed: learning_rate, batch_size, width"),
                            ({"learning_rate": 2}, "learning_rate = 2 cannot be used"),
                            ({"learning_rate": 0.1, "batch_size": 48}, "batch_size = 48 .* Allowed: 32, 64"),
                            ({"width": 4.5}, "width = 4.5")):
        with pytest.raises(SettingError, match=message):
            lab.set(**values)
    assert lab.values == {"learning_rate": 3e-3, "batch_size": 32, "width": 16} and len(lab.runs) == 1
    with pytest.raises(SettingError, match="learning_rate = 0.1 cannot be used. Allowed: Log"):
        LiveLab(train, learning_rate=0.1)


def test_train_gets_values_seed_and_steps(make):
    seen = []

    def function(p, report):
        seen.append(vars(p))
        report(1, train_loss=0)
    lab = make(function, seed=4, width=Int(4, 64, 16))
    lab.show()
    lab.set(width=32.0)
    wait(lab)
    assert seen == [{"learning_rate": 3e-3, "width": 16, "seed": 4, "steps": 30},
                    {"learning_rate": 3e-3, "width": 32, "seed": 4, "steps": 60}]
    assert type(seen[1]["width"]) is int


def test_the_newer_of_two_labs_pauses_the_older(make):
    older, newer = make(steps=(100_000, 100_000)), make()
    older.restart()
    until(lambda: older.history and older.history.last_step > 3)
    newer.show()
    wait(older)
    assert newer.history.state == "finished" and older.history.state == "paused"
    reached = older.history.last_step
    older.resume()
    until(lambda: older.history.last_step > reached)
    older.stop()
    wait(older)


def test_a_lab_paused_by_another_repeats_its_curve(make):
    alone = make(steps=(300, 300))
    alone.show()
    older, newer = make(steps=(300, 300)), make()
    older.restart()
    until(lambda: older.history and older.history.last_step > 3)
    newer.show()
    older.resume()
    wait(older)
    assert curve(older) == curve(alone)


def test_the_notebooks_random_numbers_are_not_disturbed(make):
    torch.manual_seed(5)
    expected = torch.rand(4).tolist()
    torch.manual_seed(5)
    lab = make(tick)
    lab.show()
    found = torch.rand(2).tolist()
    lab.restart()
    wait(lab)
    assert found + torch.rand(2).tolist() == expected


def test_sixty_quick_restarts_leave_no_thread_and_identical_curves(make):
    lab = make(tick, steps=(300, 300))
    lab.restart()
    wait(lab)
    first = curve(lab)
    for count in range(60):
        lab.restart()
        if count % 3 == 0:
            time.sleep(0.003)
        if count % 10 == 0:
            wait(lab)
            assert curve(lab) == first
    wait(lab)
    assert curve(lab) == first and len(lab.runs) <= EARLIER_RUNS + 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows cannot send a signal to one thread")
def test_an_interrupt_pauses_and_returns(make):
    def function(p, report):
        for step in range(1, p.steps + 1):
            report(step, train_loss=step)
            time.sleep(0.001)
            if step == 20 and p.seed == 0:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)      # as Jupyter's ■ does
    lab = make(function, steps=(5_000, 30))
    lab.show()
    assert lab.history.state == "paused" and 20 <= lab.history.last_step < 5_000
    assert lab.status.startswith("paused")
    lab.restart(new_seed=True)
    wait(lab)
    assert lab.history.state == "finished"


def test_commands_from_the_page(make):
    lab = make(steps=(100_000, 100_000), goal={"validation_accuracy": 2.0})

    def press(name):
        lab.controls.command = {"name": name, "count": lab.controls.command.get("count", 0) + 1}
    press("restart")
    until(lambda: lab.history and lab.history.last_step > 3)
    press("stop")
    wait(lab)
    reached = lab.history.last_step
    press("resume")
    until(lambda: lab.history.last_step > reached)
    lab.history.steps = reached                             # long enough to be kept as a ghost
    press("new_seed")
    until(lambda: lab.history.number == 2 and lab.history.last_step > 3)
    assert lab.history.seed == 1 and lab.runs[0].state == "superseded"
    press("clear")
    assert len(lab.runs) == 1
    lab.controls.goal = {"validation_accuracy": 0.0}
    wait(lab)
    assert lab.history.state == "paused" and lab.history.last_step % 20 == 0
    lab.controls.values = {"learning_rate": 0.2}            # a slider
    until(lambda: lab.history.settings == {"learning_rate": 0.2} and lab.history.last_step > 3)


def test_a_goal_reached_as_a_slider_moves_does_not_pause_the_next_run(make):
    lab = None

    def function(p, report):
        for step in range(1, p.steps + 1):
            report(step, loss=Moves() if p.learning_rate < 0.1 else 1.0)

    class Moves(float):
        """A loss that reaches the goal, and a slider that moves while it is looked at."""

        def __le__(self, goal):
            lab.set(learning_rate=0.5)
            return True
    lab = make(function, goal={"loss": 0.0})
    lab.show()
    wait(lab)
    assert lab.history.settings == {"learning_rate": 0.5} and lab.history.state == "finished"
