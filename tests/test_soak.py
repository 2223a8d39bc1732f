"""Three live labs are used at random for a long time: `make soak MINUTES=20`. `make test` does so for some seconds."""
import os
import random
import statistics
import time

import pytest
from browser import NEEDS_CHROMIUM, ROOT, Notebook, write_notebook
from load import USED, Kernel, Page, answers, assert_nothing_left
from matplotlib.figure import Figure

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.alone]

MINUTES = float(os.environ.get("LABKIT_SOAK") or 0.2)
EVERY = min(5.0, 60 * MINUTES / 10)     # seconds between two measurements
LABS = ("one", "two", "three")
# In one cell: JupyterLab itself keeps 280 nodes and 0.1 MB each time that another cell becomes the active one.
CELLS = (USED, "\n".join(f"{name} = used.lab(600)\n{name}.show()" for name in LABS))
BUTTONS = ("Stop", "Resume", "Restart", "Restart with a new seed", "Clear earlier runs")
WEIGHTS = {"move": 10, "choose": 3, "press": 8, "goal": 2, "wait": 5}


def act(page, lab: int, chance: random.Random) -> None:
    """One thing that a learner does with a lab."""
    controls = page.locator(".lk-controls").nth(lab)
    what = chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
    if what == "move":
        controls.get_by_label("learning rate").focus()
        for _key in range(chance.randint(1, 10)):
            page.keyboard.press(chance.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))
    elif what == "choose":
        controls.get_by_label("batch size").select_option(chance.choice(["16", "32"]))
    elif what == "press":
        controls.get_by_role("button", name=chance.choice(BUTTONS), exact=True).click()
    elif what == "goal":
        controls.get_by_label("stop at validation accuracy").fill(chance.choice(["0.5", "0.9", "2"]))
        page.keyboard.press("Enter")
    else:
        page.wait_for_timeout(1000 * chance.uniform(0, 2))


def weigh(chromium, kernel: Kernel) -> dict:
    """Memory of the kernel and of the page in megabytes, and how many nodes the page has."""
    chromium.send("HeapProfiler.collectGarbage")
    page = {each["name"]: each["value"] for each in chromium.send("Performance.getMetrics")["metrics"]}
    return {"kernel, MB": kernel.ask("str(used.memory())") / 1e6, "page, MB": page["JSHeapUsedSize"] / 1e6,
            "nodes of the page": page["Nodes"]}


def growth(values: list[float]) -> float:
    """By which share the median of the last fifth is above that of the first fifth."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[-fifth:]) / statistics.median(values[:fifth]) - 1


def plot(minutes: list[float], weights: list[dict]) -> Figure:
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(3, sharex=True), weights[0], strict=True):
        values = [weight[name] for weight in weights]
        axes.plot(minutes, values, color="#0072B2", linewidth=1)
        axes.set(ylabel=name.replace(", ", ",\n").replace(" of ", "\nof "), ylim=(0, 1.15 * max(values)))
        axes.grid(alpha=0.3)
    axes.set_xlabel("minutes of use")
    return figure


@pytest.mark.promise
def test_long_use_does_not_grow(context, jupyter, measured):
    tab = Notebook(context.new_page(), jupyter, write_notebook(jupyter, "soak.ipynb", *CELLS))
    tab.run_all()
    session = next(session for session in jupyter.api("sessions") if session["path"] == tab.name)
    kernel = Kernel(jupyter.sockets.parent / "runtime" / f"kernel-{session['kernel']['id']}.json")
    chromium, chance, acts = context.new_cdp_session(tab.page), random.Random(0), 0
    chromium.send("Performance.enable")

    def use(seconds: float) -> int:
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            act(tab.page, chance.randrange(len(LABS)), chance)
            count += 1
        return count

    def at_rest() -> dict:
        for name in LABS:
            kernel.run(f"{name}.controls.goal = {{'validation_accuracy': 2}}")
            said = Page(kernel, name).finish()
            assert said["settings"] == said["values"] and said["state"] == "finished" and not said["error"], said
            shown = tab.page.locator(".lk-controls").nth(LABS.index(name)).get_by_label("learning rate")
            assert float(shown.get_attribute("aria-valuetext")) == said["values"]["learning_rate"]
        return kernel.ask("used.left()")
    use(max(EVERY, 6 * MINUTES))        # a tenth of the time, to warm up
    before, began, minutes, weights = at_rest(), time.monotonic(), [], []
    while not minutes or minutes[-1] < MINUTES:
        acts += use(EVERY)
        weights.append(weigh(chromium, kernel))
        minutes.append((time.monotonic() - began) / 60)
    assert_nothing_left(before, at_rest())
    grown = {name: growth([weight[name] for weight in weights]) for name in weights[0]}
    print(f"{acts} acts; grown by {grown}; last {weights[-1]}")
    assert all(share < 0.05 for share in grown.values()), grown
    if "LABKIT_SOAK" in os.environ:
        plot(minutes, weights).savefig(ROOT / "docs" / "soak.png", dpi=80)
        measured(f"{minutes[-1]:.0f} minutes, {acts} random acts on three labs: memory of the kernel grew by "
                 f"{grown['kernel, MB']:.1%}, of the page by {grown['page, MB']:.1%}; then answers in "
                 f"{answers(kernel)}")
    kernel.close()
    tab.page.close()
