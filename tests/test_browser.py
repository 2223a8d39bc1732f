"""The course as a learner meets it: JupyterLab, a real browser, real keys and clicks. Nothing is stubbed.

All tests share one server and one run of chapter 5. Each of them leaves the page fit for the next, and works
by itself too. Screenshots go to build/screenshots.
"""
import re

import pytest
from browser import NEEDS_CHROMIUM, Lab, Notebook, assert_loaded, assert_quiet, photograph, weak_words, write_notebook
from playwright.sync_api import expect

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.alone]

CHAPTER = "chapters/05_project.ipynb"
LAB = 'title="A small network"'       # of its second lab, which has all kinds of controls


@pytest.fixture(scope="module")
def chapter(context, jupyter):
    """Chapter 5, run whole."""
    notebook = Notebook(context.new_page(), jupyter, CHAPTER)
    notebook.run_all()
    return notebook


@pytest.fixture
def lab(chapter):
    lab = Lab(chapter.cell(LAB))
    lab.controls.scroll_into_view_if_needed()
    return lab


def test_the_whole_chapter_runs_without_an_error(chapter):
    cells = chapter.save()["cells"]
    errors = {cell["id"]: output["evalue"] for cell in cells if cell["cell_type"] == "code"
              for output in cell["outputs"] if output["output_type"] == "error"}
    assert not errors
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")
    page = chapter.page
    photograph(page, "chapter_top", page.locator(".jp-Notebook .jp-Cell").first)
    for name, source in {"figures": "figures.learning_curves(history)", "figures_confusion": "figures.confusion_matrix",
                         "figures_mistakes": "figures.mistakes", "verdict": "claims.judge(\"C5.3\")"}.items():
        photograph(page, name, chapter.cell(source).locator(".jp-Cell-outputArea"))


def test_a_moved_slider_draws_a_new_curve_beside_the_old_one(lab):
    photograph(lab.page, "lab_first_run", lab.curve)
    slider = lab.controls.get_by_label("learning rate")
    slider.focus()
    # The fastest of three: what disturbs a measurement makes it longer, never shorter.
    seconds = min(lab.new_run_after("change", lambda: slider.press("ArrowRight")) for _move in range(3))
    print(f"a new curve after {seconds:.3f} s (key)")
    assert seconds < 0.3
    expect(lab.ghosts).not_to_have_count(0)

    box = slider.bounding_box()
    at = float(slider.input_value()) / 200
    middle = box["y"] + box["height"] / 2

    def drag():
        lab.page.mouse.move(box["x"] + 8 + at * (box["width"] - 16), middle)
        lab.page.mouse.down()
        lab.page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=12)
        lab.page.mouse.up()
    ghosts = lab.ghosts.count()
    seconds = lab.new_run_after("change", drag)
    print(f"a new curve after {seconds:.3f} s (drag)")
    assert seconds < 0.3
    expect(lab.ghosts).to_have_count(ghosts + 1)
    expect(lab.ghosts.last).to_contain_text("learning rate")
    lab.page.wait_for_timeout(700)
    photograph(lab.page, "lab_after_slider")


def test_stop_resume_restart_and_new_seed(lab):
    lab.new_run_after("click", lambda: lab.button("Restart").click())
    seconds = lab.paused_after(lambda: lab.button("Stop").click())
    print(f"training ended after {seconds:.3f} s")
    assert seconds < 0.5
    step = lab.step
    assert 0 < step < 400
    lab.page.wait_for_timeout(700)
    assert lab.step == step and lab.state == "paused"
    photograph(lab.page, "lab_paused")

    run = lab.run
    lab.button("Resume").press("Enter")
    lab.wait_for(lambda: lab.step > step)
    assert lab.run == run

    text = lab.legend.last.text_content()
    lab.new_run_after("click", lambda: lab.button("Restart").press("Space"))
    expect(lab.legend.last).to_contain_text(" · ".join(text.split(" · ")[1:]))
    lab.new_run_after("click", lambda: lab.button("Restart with a new seed").click())
    expect(lab.legend.last).to_contain_text("seed 1")


def test_values_are_read_by_pointer_and_by_keys(lab):
    canvas = lab.curve.locator("canvas").first
    readout = lab.curve.locator(".lk-panel .lk-readout").first
    canvas.hover(position={"x": 200, "y": 100})
    expect(readout).to_have_text(re.compile(r"step \d+: #\d+ train \d.*validation \d"))
    photograph(lab.page, "lab_values")
    lab.page.mouse.move(0, 0)
    expect(readout).to_have_text(" ")
    canvas.focus()
    expect(readout).to_contain_text("train")
    last = readout.text_content()
    canvas.press("ArrowLeft")
    expect(readout).not_to_have_text(last)
    lab.curve.get_by_label("logarithmic axis").press("Space")
    expect(lab.curve.get_by_label("logarithmic axis")).to_be_checked()
    photograph(lab.page, "lab_logarithmic")
    lab.curve.get_by_label("logarithmic axis").press("Space")
    lab.curve.get_by_text("Show as table").click()      # the table is filled in a later event
    expect(lab.curve.locator("table")).to_contain_text("validation accuracy")
    assert lab.curve.locator("td").count() >= 4
    photograph(lab.page, "lab_table")
    lab.curve.get_by_text("Show as table").click()


def test_a_goal_ends_a_run(lab):
    goal = lab.controls.get_by_label("stop at validation accuracy")
    goal.fill("0.05")       # less than guessing gives
    goal.press("Enter")
    lab.new_run_after("click", lambda: lab.button("Restart").click())
    lab.wait_for(lambda: lab.state == "paused")
    expect(lab.curve.locator(".lk-status")).to_contain_text("paused, goal reached")
    photograph(lab.page, "lab_goal")
    goal.fill("0.99")
    goal.press("Enter")


def test_the_augmentation_that_is_seen_is_the_one_that_is_trained_with(lab, chapter):
    preview = chapter.page.locator(".labkit-augmentation")
    rotate = preview.get_by_label("Rotate")
    rotate.scroll_into_view_if_needed()
    before = preview.locator("img").get_attribute("src")
    rotate.press("PageUp")
    expect(preview.locator("img")).not_to_have_attribute("src", before)
    expect(preview.get_by_role("status")).to_contain_text(f"rotate={rotate.input_value()}")
    photograph(chapter.page, "augmentation", preview)
    run = lab.run
    preview.get_by_role("button", name="Use these settings").click()
    lab.wait_for(lambda: lab.run > run and lab.step > 0)
    expect(lab.controls.get_by_label("augmentation")).to_be_checked()
    expect(preview.locator("[role=alert]")).to_be_empty()


def test_the_first_curve_compares_logits_with_probabilities(chapter):
    cell = chapter.cell("pair_lab = ")
    cell.scroll_into_view_if_needed()
    curve, switch = cell.locator(".lk-curve"), cell.locator(".lk-controls").get_by_label("softmax")
    runs = curve.locator(".lk-legend:not(.lk-key) li")
    expect(runs).to_contain_text(["softmax ✗", "softmax ✓"])
    expect(switch).to_be_checked()
    photograph(chapter.page, "lab_logits", cell)
    switch.press("Space")
    expect(runs).to_contain_text(["softmax ✗", "softmax ✓", "softmax ✗"])
    expect(curve).to_have_attribute("data-state", "finished", timeout=60_000)
    expect(runs).to_contain_text(["softmax ✓", "softmax ✗"])        # the first was the same run
    cell.locator(".lk-controls").get_by_label("learning rate").press("PageUp")
    expect(runs).to_contain_text(["0.001", "0.001", "0.002"])
    expect(curve).to_have_attribute("data-state", "finished", timeout=60_000)


def test_an_idea_that_is_switched_off_trains_a_new_run(chapter):
    cell = chapter.cell("ladder_lab = ")
    cell.scroll_into_view_if_needed()
    curve = cell.locator(".lk-curve")
    expect(curve).to_have_attribute("data-state", "finished")
    for ghosts, idea in zip((1, 2, 3, 4), ("muon", "whitened", "mirrored", "small first"), strict=True):
        switch = cell.locator(".lk-controls").get_by_label(idea)
        switch.press("Space")
        expect(curve.locator(".lk-legend .lk-ghost")).to_have_count(ghosts)
        expect(curve.locator(".lk-legend:not(.lk-key) li").last).to_contain_text(f"{idea} ✗")
        expect(curve).to_have_attribute("data-state", "finished", timeout=60_000)
        switch.press("Space")       # on again, a run of its own
        expect(curve.locator(".lk-legend:not(.lk-key) li").last).to_contain_text(f"{idea} ✓")
        expect(curve).to_have_attribute("data-state", "finished", timeout=60_000)
    photograph(chapter.page, "lab_one_idea_less", cell)


def test_a_guess_is_remembered(chapter):
    guess = chapter.cell("where = lk.guess")
    guess.get_by_label("the first convolution").check()
    chapter.run_cell("where.reveal")
    expect(chapter.cell("where.reveal")).to_contain_text(
        "Measured: the first dense layer. You guessed the first convolution.")
    photograph(chapter.page, "guess", guess)


def test_every_control_has_a_name_a_size_and_keys(chapter, lab):
    page = chapter.page
    for widget in page.locator(".labkit-live").all():
        controls = widget.locator("input, select, button, canvas")
        roles = re.findall(r"^ *- (?:slider|combobox|checkbox|radio|spinbutton|button|img)(.*)$",
                           widget.aria_snapshot(), re.M)
        named = [role for role in roles if role.startswith(' "')]
        assert len(named) == len(roles) >= controls.count(), widget.aria_snapshot()
        for control in widget.locator("input, select, button, summary").all():
            heights = control.evaluate(
                "e => [e, e.closest('label')].filter(Boolean).map((e) => e.getBoundingClientRect().height)")
            assert max(heights) >= 24, control.evaluate("e => e.outerHTML")

    active = "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(" \
             "(cell) => cell.classList.contains('jp-mod-active'))"
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    for control, keys in ((lab.controls.get_by_label("width"), ("ArrowUp", "ArrowLeft", "j")),
                          (lab.controls.get_by_label("optimizer"), ("ArrowDown", "ArrowUp")),
                          (lab.button("Clear earlier runs"), ("ArrowDown", "x", "Enter")),
                          (lab.curve.locator("canvas").first, ("ArrowLeft", "ArrowDown", "x")),
                          (lab.curve.locator("summary"), ("ArrowDown", "x")),
                          (page.locator(".labkit-augmentation").get_by_label("Noise"), ("ArrowDown", "x")),
                          (page.locator(".lk-guess input").first, ("ArrowDown", "ArrowUp", "x"))):
        control.scroll_into_view_if_needed()
        control.focus()
        before = page.evaluate(active)
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate(active) == before, control
        assert page.locator(".jp-Notebook .jp-Cell").count() == cells, control
    expect(lab.ghosts).to_have_count(0)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_words_are_readable_in_both_themes(chapter, lab, theme):
    page = chapter.page
    lab.new_run_after("click", lambda: lab.button("Restart with a new seed").click())
    chapter.menu("Settings", "Theme", theme)
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    weak = [pair for widget in page.locator(".labkit-live").all() for pair in weak_words(widget)]
    if theme == "JupyterLab Dark":
        photograph(page, "lab_dark", lab.curve)
        photograph(page, "augmentation_dark", page.locator(".labkit-augmentation"))
        photograph(page, "figures_dark", chapter.cell("figures.confusion_matrix").locator(".jp-Cell-outputArea"))
    chapter.menu("Settings", "Theme", "JupyterLab Light")
    assert not weak


def test_text_from_a_learner_is_shown_as_text(context, jupyter):
    """Titles, labels, options, names and errors hold HTML here; none of it may become an element."""
    evil = '<img src=x onerror="window.broken=1">'
    cells = (
        f"import labkit as lk\nevil = {evil!r}\n"
        "def train(p, report):\n"
        "    for step in range(1, p.steps + 1):\n"
        "        report(step, **{'train_' + evil: 1 / step, 'train_loss': 1})\n"
        "    if p.fail:\n"
        "        raise ValueError(evil)\n"
        "lab = lk.LiveLab(train, title=evil, steps=(20, 20), fail=lk.Toggle(False, label=evil, unit=evil, help=evil),\n"
        "                 choice=lk.Choice(evil, 'b', label=evil))\nlab.show()\nlk.guess(evil, [evil, 'b']);",
        "lab.set(fail=True)\n"
        "try:\n    lab.wait()\nexcept ValueError as error:\n    print(error)")
    page = context.new_page()
    notebook = Notebook(page, jupyter, write_notebook(jupyter, "text.ipynb", *cells))
    notebook.run_all()
    page.locator(".lk-status", has_text="ValueError").wait_for()
    expect(page.locator(".labkit-live")).to_have_count(3)
    photograph(page, "text_as_text")
    assert page.evaluate("window.broken") is None
    assert page.locator(".labkit-live img").count() == 0
    shown = page.locator(".labkit-live").all_inner_texts()
    assert sum(text.count(evil) for text in shown) >= 8, shown
    page.close()


def test_a_reopened_notebook_shows_the_still_copies(chapter, jupyter):
    page = chapter.page
    still = page.locator(".jp-OutputArea:has(.labkit-live) > .jp-OutputArea-child .jp-RenderedImage")
    assert still.count() == 4
    assert not any(picture.is_visible() for picture in still.all())     # while the widgets live
    Lab(chapter.cell(LAB)).button("Stop").click()
    saved = chapter.save()      # with the focus on a control
    jupyter.end_kernels()
    page.reload()
    chapter.wait_for_kernel()
    for name, cell in {"still_copy_augmentation": "preview.show()", "still_copy": LAB}.items():
        picture = chapter.cell(cell).locator(".jp-RenderedImage img")
        assert_loaded(picture)
        photograph(page, name, picture)
    assert "widgets" not in saved["metadata"]       # nor is their state stored


def test_nothing_was_wrong_and_nothing_left_this_computer(chapter, jupyter, heard):
    assert_quiet(jupyter, heard)
