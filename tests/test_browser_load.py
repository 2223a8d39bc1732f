"""Three live labs in one notebook: pages reloaded, two tabs, keys at Chromium's pace, a kernel that is restarted."""
import random
import time

import pytest
from browser import NEEDS_CHROMIUM, Notebook, assert_quiet, photograph, write_notebook
from load import USED, Kernel, Page, answers, assert_nothing_left
from playwright.sync_api import expect
from promises import size

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.alone]

WARM_UP, ROUNDS, RELOADS, BREAKS = size(2, 20), size(4, 40), size(1, 10), size(2, 10)
LABS = ("one", "two", "three")
CELLS = (USED, "one = used.lab(20_000, 200)\none.show()", "two = used.lab()\ntwo.show()",
         "three = used.lab()\nthree.show()")
LOST = "The kernel was restarted: run this cell again."


class View:
    """A lab as a tab shows it."""

    def __init__(self, tab: Notebook, name: str):
        self._page, self.cell = tab.page, tab.cell(f"{name} = ")
        self.controls, self.curve = self.cell.locator(".lk-controls"), self.cell.locator(".lk-curve")
        self.slider = self.controls.get_by_label("learning rate")

    def press(self, name: str) -> None:
        self.controls.get_by_role("button", name=name, exact=True).click()

    def move(self, chance: random.Random) -> None:
        """Press ten keys on the slider, as fast as Chromium takes them."""
        self.cell.scroll_into_view_if_needed()      # JupyterLab draws no output before that
        self.slider.focus()
        for _key in range(10):
            self._page.keyboard.press(chance.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))

    @property
    def value(self) -> float:
        """What stands beside the slider."""
        return float(self.slider.get_attribute("aria-valuetext"))


@pytest.fixture(scope="module")
def tab(context, jupyter):
    """A notebook with three labs, run whole."""
    notebook = Notebook(context.new_page(), jupyter, write_notebook(jupyter, "load.ipynb", *CELLS))
    notebook.run_all()
    return notebook


def kernel_id(jupyter) -> str:
    return next(session["kernel"]["id"] for session in jupyter.api("sessions") if session["path"] == "load.ipynb")


@pytest.fixture
def kernel(tab, jupyter):
    """The notebook's kernel, asked beside the page."""
    kernel = Kernel(jupyter.sockets.parent / "runtime" / f"kernel-{kernel_id(jupyter)}.json")
    yield kernel
    kernel.close()


def settled(page: Page, *views: View) -> dict:
    """What the lab says once its run has the values that the kernel and all `views` show."""
    def agree(said):
        return said["step"] > 0 and said["settings"] == said["values"] and all(
            view.value == said["values"]["learning_rate"] for view in views)
    while True:
        said = page.until(agree)
        time.sleep(1)       # keys that went there and back may still be on their way
        later = page.said()
        if agree(later) and later["number"] == said["number"]:
            return later


def at_rest(kernel: Kernel) -> dict:
    """What is left once each lab has finished a short run, and nothing of the pages is on its way any more."""
    heard, looks = None, 0
    while looks < 3:
        time.sleep(0.5)
        now = kernel.ask(f"json.dumps([[lab.values, lab.controls.command] for lab in ({', '.join(LABS)})])")
        heard, looks = now, looks + 1 if now == heard else 0
    for name in LABS:
        kernel.run(f"{name}._steps, steps = (40, 40), {name}._steps")
        said = Page(kernel, name).finish()
        assert said["state"] == "finished" and said["step"] == 40, said
        kernel.run(f"{name}._steps = steps")
    return kernel.ask("used.left()")


def workers(kernel: Kernel) -> int:
    return kernel.ask("used.left()")["threads"].count("labkit-lab")


@pytest.mark.promise
def test_reloads_and_two_tabs_leave_one_worker_and_the_last_settings(tab, kernel, jupyter, context, measured):
    pages, chance = {name: Page(kernel, name) for name in LABS}, random.Random(0)
    for _run in range(3):
        before = at_rest(kernel)
    one, view, seconds = pages["one"], View(tab, "one"), []
    for _reload in range(RELOADS):
        view.move(chance)
        said = settled(one, view)
        tab.save()
        tab.page.reload()
        began = time.perf_counter()
        expect(view.curve).to_have_attribute("data-state", "training")
        seconds.append(time.perf_counter() - began)
        later = settled(one, view)
        assert later["number"] == said["number"] and later["step"] > said["step"] and workers(kernel) == 1
        view.move(chance)
        settled(one, view)

    second = Notebook(context.new_page(), jupyter, tab.name)
    views = {name: (View(tab, name), View(second, name)) for name in LABS}

    def use(rounds):
        for _round in range(rounds):
            name = chance.choice(LABS)
            for place in chance.sample([0, 1], 2):
                views[name][place].move(chance)
                views[chance.choice(LABS)][place].press(chance.choice(["Stop", "Resume", "Restart"]))
            kernel.until_true(f"sum(lab.history.state == 'training' for lab in ({', '.join(LABS)})) <= 1")
    use(WARM_UP)        # until each thread of the kernel has had its turn with a lab: each has some memory of its own
    warm = at_rest(kernel)
    before |= {what: warm[what] for what in ("memory", "memory after gc")}
    use(ROUNDS)
    for name in LABS:
        for each in views[name]:
            each.move(chance)
        settled(pages[name], *views[name])
    for name in ("one", "three", "two"):       # each in turn goes on with what is its own
        views[name][1].press("Resume")
        pages[name].until(lambda said: said["state"] != "paused")
        assert not settled(pages[name], *views[name])["error"]
    second.page.close()
    growth = assert_nothing_left(before, at_rest(kernel))
    measured(f"{RELOADS} reloads, the view back in at most {max(seconds):.1f} s; {20 * ROUNDS} keys on sliders of "
             f"three labs in two tabs: both showed the last settings, one lab trained at a time, no thread or hook "
             f"was left, memory grew by {growth:.1%} after {WARM_UP} rounds of {WARM_UP + ROUNDS}; then answers in "
             f"{answers(kernel)}")


@pytest.mark.promise
def test_interrupts_and_restarts_at_random_leave_a_lab_that_works(tab, kernel, jupyter, measured):
    chance, before, view = random.Random(1), at_rest(kernel), View(tab, "one")
    kinds = [("interrupt", "restart")[count % 2] for count in range(BREAKS)]
    for kind in chance.sample(kinds, BREAKS):
        if kind == "interrupt":
            tab.cell("one = ").locator(".jp-InputArea-editor").click()
            tab.page.keyboard.press("Control+Enter")
        else:
            view.move(chance)
        tab.page.wait_for_timeout(1000 * chance.uniform(0, 1.5))
        if kind == "interrupt":
            jupyter.api(f"kernels/{kernel_id(jupyter)}/interrupt", "POST")
            tab.wait_until_done()
            if tab.cell("one = ").get_by_text("KeyboardInterrupt").count():     # before the lab was there
                tab.run_cell("one = ")
        else:
            tab.menu("Kernel", "Restart Kernel…")
            tab.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
            for name in LABS:
                expect(View(tab, name).controls.get_by_role("alert")).to_have_text(LOST)
                expect(View(tab, name).slider).to_be_disabled()
                expect(View(tab, name).curve.locator(".lk-status")).to_be_hidden()
            photograph(tab.page, "lab_after_restart")
            tab.wait_for_kernel()
            tab.run_all()
        page = Page(kernel, "one")
        view.move(chance)
        assert settled(page, view)["state"] == "training" and workers(kernel) == 1
    growth = assert_nothing_left(before, at_rest(kernel))
    measured(f"{kinds.count('interrupt')} interrupts and {kinds.count('restart')} restarts: the page said so, each lab "
             f"then took its last settings, no thread or hook was left, memory grew by {growth:.1%}; then answers in "
             f"{answers(kernel)}")


def test_nothing_was_wrong_and_nothing_left_this_computer(tab, jupyter, heard):
    assert_quiet(jupyter, heard)
