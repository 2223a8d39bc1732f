import threading
import time

import pytest
import torch

from labkit.settings import SettingError
from labkit.widgets.steps import LONGEST, Steps

made = {}


def make():
    made["x"] = 3
    print("made <b>x</b>")


def use():
    return made["x"] + 1


@pytest.fixture(autouse=True)
def nothing_made():
    made.clear()


def click(steps: Steps, *places: int) -> None:
    """What the page does."""
    for place in places:
        steps.view._handle_custom_msg({"run": place}, [])


def test_a_step_shows_its_source_and_nothing_runs_before_it_is_asked_to():
    steps = Steps({"Make": make, "Use": use})
    steps.show()
    assert made == {} and set(steps.states.values()) == {"ready"}
    assert steps.view.steps[0] == {
        "name": "Make", "source": 'def make():\n    made["x"] = 3\n    print("made <b>x</b>")'}


def test_show_can_run_all_in_order():
    steps = Steps({"Make": make, "Use": use}, title="Inference")
    steps.show(run=True)
    assert steps.results == {"Make": None, "Use": 4}
    assert steps.outputs == {"Make": "made <b>x</b>", "Use": "4"}
    assert [entry["state"] for entry in steps.view.progress] == ["done", "done"]


def test_a_step_that_fails_raises_and_says_which_step_it_lacks():
    steps = Steps({"Make": make, "Use": use})
    with pytest.raises(KeyError):
        steps.run("Use")
    assert steps.states["Use"] == "failed" and isinstance(steps.error, KeyError)
    assert steps.view.progress[1]["error"] == "KeyError: 'x'\nRun the steps in order: Make has not run yet."
    with pytest.raises(KeyError):
        Steps({"Use": use, "Make": make}).show(run=True)
    assert made == {}
    steps.run("Make")
    assert steps.run("Use") == 4 and steps.error is None and steps.view.progress[1]["error"] == ""


def test_clicks_run_on_a_worker_in_their_order(capsys):
    threads, entered, go_on = [], threading.Event(), threading.Event()

    def slow():
        threads.append(threading.current_thread())
        entered.set()
        print("slowly")
        assert go_on.wait(10)
    steps = Steps({"Slow": slow, "Make": make, "Use": use})
    steps.show()
    shown = capsys.readouterr().out
    click(steps, 0)
    assert entered.wait(10)
    click(steps, 1, 2, 0, 1)         # a step that waits or runs is not asked for twice
    assert steps.states == {"Slow": "running", "Make": "queued", "Use": "queued"}
    go_on.set()
    steps.wait()
    assert steps.results == {"Slow": None, "Make": None, "Use": 4} and len(threads) == 1
    assert threads[0] is not threading.main_thread() and "slowly" in steps.outputs["Slow"]
    assert "slowly" not in shown + capsys.readouterr().out


def test_wait_raises_what_the_last_step_raised_and_gives_up_in_time():
    steps = Steps({"Use": use, "Sleep": lambda: time.sleep(0.5)})
    click(steps, 0)
    with pytest.raises(KeyError):
        steps.wait()
    click(steps, 1)
    with pytest.raises(TimeoutError):
        steps.wait(0.05)
    steps.wait()


def test_each_step_begins_with_the_same_random_numbers():
    steps = Steps({"Draw": lambda: torch.rand(1).item()})
    state = torch.get_rng_state()
    first = steps.run("Draw")
    torch.rand(5)
    assert steps.run("Draw") == first
    torch.set_rng_state(state)
    steps.run("Draw")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_long_output_keeps_its_end():
    steps = Steps({"Talk": lambda: print("x" * LONGEST + "end")})
    steps.run("Talk")
    assert len(steps.outputs["Talk"]) <= LONGEST + 2
    assert steps.outputs["Talk"].startswith("… x") and steps.outputs["Talk"].endswith("end")


@pytest.mark.parametrize("functions", [{}, [make], {"Make": 3}, make])
def test_what_is_no_function_is_refused(functions):
    with pytest.raises(SettingError, match="^functions = "):
        Steps(functions)


def test_an_unknown_step_is_refused_and_a_function_without_source_is_named():
    steps = Steps({"Length": len})
    with pytest.raises(SettingError, match="step = 'Lenght' cannot be used. Allowed: Length"):
        steps.run("Lenght")
    assert steps.view.steps[0]["source"] == "<built-in function len>"


def test_its_plain_text_is_constant():
    data, _metadata = Steps({"Make": make}).view._repr_mimebundle_()
    assert data["text/plain"] == "[steps: run this cell to click through them]"
