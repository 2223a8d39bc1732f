"""A live lab that is used harder than a hand can, through the messages that a page sends. Its kernel is a real one."""
import gc
import random
import statistics
import sys
import threading
import time

import pytest
from load import Kernel, Page, answers, assert_nothing_left, in_words
from promises import size

from labkit.widgets.controls import Log
from labkit.widgets.curve import still_picture
from labkit.widgets.lab_controls import LabControls
from labkit.widgets.live import EARLIER_RUNS
from labkit.widgets.trace import Trace

MOVES, CYCLES, INTERRUPTS = size(60, 500), size(20, 200), size(8, 50)
EVERY = 30 / 500        # seconds from one move to the next
WARM_UP = EARLIER_RUNS + 1


@pytest.fixture(scope="module")
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.fixture
def page(kernel):
    """A lab that has run as often as it keeps runs."""
    kernel.run("lab = used.lab()\nlab.show()")
    page = Page(kernel)
    for _run in range(WARM_UP):
        page.press("restart")
        page.until(lambda said: said["works"])
        page.finished()
    return page


def setting(chance: random.Random) -> dict:
    return {"learning_rate": float(f"{10 ** chance.uniform(-4, 0):.2g}"), "batch_size": chance.choice([16, 32])}


@pytest.mark.promise
def test_many_moves_and_cycles_leave_the_last_settings_and_nothing_else(page, kernel, measured):
    before, chance, asked = kernel.ask("used.left()"), random.Random(0), []
    number, began = page.said()["number"], time.perf_counter()
    for count in range(MOVES):
        page.move(**setting(chance))
        if count % 5 == 0:
            asked.append(kernel.ping())
        time.sleep(max(0, began + (count + 1) * EVERY - time.perf_counter()))
    seconds = time.perf_counter() - began
    said = page.finished()
    assert said["settings"] == said["values"] == page.values and said["state"] == "finished" and not said["error"]
    assert said["number"] > number + MOVES / 10         # many of them were trained with, and left again

    pauses = 0
    for _cycle in range(CYCLES):
        generation = page.said()["generation"]
        page.press("restart")
        # On a busy machine a short run can end between two looks; then there is nothing to pause.
        page.until(lambda said: said["generation"] > generation and (                       # noqa: B023
            3 < said["step"] < 100 or not said["works"]))
        page.press("stop")
        asked.append(kernel.ping())
        paused = page.until(lambda said: said["rests"])
        pauses += paused["state"] == "paused"
        page.press("resume")
        asked.append(kernel.ping())
        page.until(lambda said: not said["works"] or said["step"] > paused["step"])     # noqa: B023
    assert pauses > CYCLES / 2
    said = page.finished()
    assert said["settings"] == said["values"] == page.values and said["state"] == "finished"
    assert said["runs"] <= EARLIER_RUNS + 1
    assert page.shown["state"] == "finished" and page.shown["legend"].startswith(f"#{said['number']}")

    growth = assert_nothing_left(before, kernel.ask("used.left()"))
    assert statistics.median(asked) < 0.1
    measured(f"{MOVES} moves in {seconds:.0f} s and {CYCLES} cycles after {WARM_UP + 1} whole runs: the last settings "
             f"won, no thread or hook was left, memory grew by {growth:.1%}; answers while training in "
             f"{in_words(asked)}, afterwards in {answers(kernel)}")


def test_a_cell_that_is_interrupted_at_random_leaves_a_lab_that_works(kernel):
    """The ■ of the page is pressed while a lab trains in its cell for the first time."""
    chance, found, cut = random.Random(1), [], 0
    for _interrupt in range(INTERRUPTS):
        running = kernel.start("lab = used.lab(40, 1000)\nlab.show()", cell="lab")
        time.sleep(chance.uniform(0.2, 0.8))
        kernel.interrupt()
        assert kernel.answer(running)["status"] == "ok"
        page = Page(kernel)
        cut += page.said()["state"] == "paused"
        page.move(**setting(chance))
        said = page.finished()
        assert said["settings"] == said["values"] == page.values and said["state"] == "finished"
        found.append(kernel.ask("used.left()"))
    assert cut > INTERRUPTS / 2
    assert_nothing_left(found[min(5, INTERRUPTS // 2)], found[-1])


def test_a_cell_that_is_run_again_leaves_nothing_of_its_earlier_lab(kernel):
    """Not even of one that was paused, or still trained; a lab of another cell stays."""
    kernel.run("other = used.lab()\nother.show()", cell="other")
    found = []
    for last in ("stop", "resume", "stop"):
        kernel.run("lab = used.lab(100_000)\nlab.show()", cell="lab")
        page = Page(kernel)
        page.press("restart")
        page.until(lambda said: said["step"] > 0)
        page.press(last)
        found.append(kernel.ask("used.left()"))
    assert_nothing_left(found[0], found[-1])
    for _again in range(10):        # a paused one must not pause the next as it leaves
        kernel.run("lab = used.lab(100)\nlab.show()", cell="lab")
        page = Page(kernel)
        assert page.said()["state"] == "finished"
        page.press("restart")
        page.press("stop")
    kernel.run("earlier, lab = lab, used.lab()\nlab.show()", cell="lab")
    other = Page(kernel, "other")
    other.press("restart")
    other.until(lambda said: said["number"] == 2)
    assert other.finished()["state"] == "finished"
    assert kernel.ask("used.said(earlier)")["state"] == "superseded"


def test_messages_of_two_tabs_at_once_are_all_taken():
    """Each tab's come on a thread of its own."""
    controls, heard, errors = LabControls({"learning_rate": Log(1e-4, 1, 3e-3)}, {}), [], []
    controls.observe(lambda change: heard.append(change["new"]["learning_rate"]), "values")
    sent = [[round(0.1 * tab + 1e-4 * move, 6) for move in range(1, 1000)] for tab in (1, 2)]

    def move(values):
        try:
            for value in values:
                controls.set_state({"values": {"learning_rate": value}})
        except Exception as error:  # noqa: BLE001 - of another thread: it is looked at below
            errors.append(error)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)         # seconds: the threads meet everywhere
    try:
        tabs = [threading.Thread(target=move, args=(values,)) for values in sent]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
    finally:
        sys.setswitchinterval(before)
    assert not errors and sorted(heard) == sorted(sent[0] + sent[1])
    assert controls.values == {"learning_rate": heard[-1]}


def test_a_still_copy_of_a_long_run_costs_no_more_than_that_of_a_short_one():
    def seconds(steps):
        trace = Trace(1, {}, 0, steps)
        for step in range(1, steps + 1):
            trace.add(step, {"train_loss": (7 * step) % 11})
        began = time.perf_counter()
        still_picture([trace], ["#1"], "title")
        return time.perf_counter() - began
    seconds(400)        # faces are found
    assert min(seconds(100_000) for _try in range(3)) < 4 * min(seconds(400) for _try in range(3))


def test_a_still_copy_leaves_nothing_for_the_garbage_collector():
    trace = Trace(1, {}, 0, 2)
    trace.add(1, {"train_loss": 1.0, "validation_accuracy": 0.5})
    still_picture([trace], ["#1"], "warm up")
    gc.collect()
    before = len(gc.get_objects())
    for _picture in range(3):
        still_picture([trace], ["#1"], "title")
    found = len(gc.get_objects()) - before
    assert found < 6000, found      # a whole figure has 6000 parts
