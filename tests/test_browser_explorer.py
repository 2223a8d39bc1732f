"""Explorers and steps as a learner meets them: JupyterLab, a real browser, real keys and clicks.

All tests share one server and one notebook, written here. Screenshots go to build/screenshots.
"""
import math
import re

import pytest
from browser import (
    NEEDS_CHROMIUM,
    Notebook,
    assert_loaded,
    assert_quiet,
    at_rest,
    photograph,
    weak_words,
    write_notebook,
)
from playwright.sync_api import expect

pytestmark = NEEDS_CHROMIUM

EVIL = '<img src=x onerror="window.broken=1">'
SETUP = """import time
import numpy as np
import plotly.graph_objects as go
import labkit as lk
profile = lk.setup("quick", 0)
xs = np.linspace(-3, 3, 61)"""
EXPLORER = """def draw(p):
    if p.slope > 4.9:
        raise ValueError("<b>too steep</b>")
    print("slope", p.slope)
    picture = np.add.outer(xs ** 2, xs ** 2)
    return {"curve": lk.panels.lines(xs, {"tanh": np.tanh(p.slope * xs), "start": 0 * xs + p.start[0]}, x="x"),
            "loss": lk.panels.image(picture, colours="blue", x_range=(-3, 3), y_range=(-3, 3)),
            "start": lk.panels.text(f"start {p.start[0]:.2f} {p.start[1]:.2f}"),
            "kernel": lk.panels.image(p.kernel, colours="diverging", low=-9, high=9),
            "words": lk.panels.tokens(p.words.split())}
explorer = lk.Explorer(draw, title="A neuron", slope=lk.Float(0.1, 5, 1, help="weight of the input"),
                       units=lk.Int(1, 9, 3), words=lk.Text("a black cat", label="your text", maximum=60),
                       kernel=lk.Matrix([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), start=lk.Point((1, 2), panel="loss"))
explorer.show()"""
FIGURE = """def surface(p):
    z = p.height * np.exp(-np.add.outer(xs ** 2, xs ** 2))
    return {"surface": go.Figure(go.Surface(x=xs, y=xs, z=z), layout={"title": f"height {p.height:g}"}),
            "profile": lk.panels.lines(xs, {"height": z[30]})}
hill = lk.Explorer(surface, height=lk.Int(1, 9, 2))
hill.show()"""
STEPS = """def preprocess():
    global inputs
    inputs = xs / 3          # from -1 to 1
    print("scaled <b>61</b> numbers")

def infer():
    if inputs.max() > 1:
        raise ValueError("not scaled")
    return float(inputs.sum().round(6) + 0.5)

steps = lk.Steps({"Preprocess": preprocess, "Infer": infer}, title="Inference")
steps.show()"""
BUSY = """import ctypes
asked = explorer.view.asked
ctypes.PyDLL(None).usleep(5_000_000)        # it keeps Python's lock: no thread of the kernel can run
print("kernel is free")"""
GUESSES = """lk.guess("First?", ["yes", "no"]); lk.guess("Second?", ["yes", "no"]);"""
FLOOD = 'print("asked", explorer.view.asked - asked, "units", explorer.values["units"])'


@pytest.fixture(scope="module")
def notebook(context, jupyter):
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 1000})
    notebook = Notebook(page, jupyter, write_notebook(
        jupyter, "explorer.ipynb", SETUP, EXPLORER, FIGURE, STEPS, GUESSES, BUSY, FLOOD))
    for source in ("import time", "def draw", "def surface", "def preprocess", "lk.guess"):
        notebook.run_cell(source)
    return notebook


@pytest.fixture
def explorer(notebook):
    explorer = notebook.page.locator(".lk-explorer").first
    explorer.scroll_into_view_if_needed()
    return explorer


def panel(explorer, name):
    return explorer.locator(f"figure[data-name='{name}']")


def test_a_panel_follows_the_slider_while_it_is_dragged(notebook, explorer):
    slider, printed = explorer.get_by_label("slope"), explorer.locator("> pre")
    expect(printed).to_have_text("slope 1.0")
    before = panel(explorer, "curve").locator("canvas").evaluate("e => e.toDataURL()")
    slider.hover()      # it waits until the page has come to rest
    box = slider.bounding_box()
    page, middle = notebook.page, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8 + 0.18 * (box["width"] - 16), middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], middle, steps=10)
    expect(printed).to_have_text(re.compile(r"slope 2\.[4-7]"))         # the button is still down
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=10)
    page.mouse.up()
    value = f"{float(slider.input_value()):g}"
    expect(printed).to_have_text(f"slope {value}")
    expect(explorer.locator(".lk-slope .lk-readout, .lk-float .lk-readout")).to_have_text(value)
    assert panel(explorer, "curve").locator("canvas").evaluate("e => e.toDataURL()") != before
    slider.press("Home")
    expect(printed).to_have_text("slope 0.1")
    expect(explorer.locator(".lk-spoken")).to_contain_text("slope 0.1")


def test_typed_text_is_sent_after_a_rest_and_shown_as_text(notebook, explorer):
    words = explorer.get_by_label("your text")
    assert words.get_attribute("maxlength") == "60"
    words.fill("")
    words.press_sequentially(EVIL)
    expect(panel(explorer, "words").locator(".lk-token").last).to_have_text('onerror="window.broken=1">')
    assert words.input_value() == EVIL and words.evaluate("e => e === document.activeElement")
    words.fill("one two 三")
    words.press("Enter")
    expect(panel(explorer, "words").locator(".lk-token")).to_have_text(["one", "two", "三"])
    assert notebook.page.evaluate("window.broken") is None
    assert explorer.locator("img").count() == 0


def test_a_number_in_a_table_is_edited_and_no_number_is_refused(explorer):
    cell = explorer.get_by_label("row 2, column 2")
    kernel = panel(explorer, "kernel")
    read = kernel.locator(".lk-readout")
    cell.fill("9")
    cell.press("Enter")
    kernel.locator("canvas").focus()        # the cursor starts in the middle
    expect(read).to_have_text("row 1, column 1: 9")
    for wrong in ("", "9.5"):
        cell.fill(wrong)
        expect(cell).to_have_attribute("aria-invalid", "true")
        cell.press("Tab")
        expect(cell).to_have_value("9")
        expect(cell).to_have_attribute("aria-invalid", "false")
    cell.press("ArrowDown")
    kernel.locator("canvas").focus()
    expect(read).to_contain_text("8.9")


def test_a_point_is_set_by_click_by_keys_and_by_numbers(explorer):
    canvas = panel(explorer, "loss").locator("canvas")
    text = panel(explorer, "start").locator("pre")
    size = canvas.bounding_box()
    canvas.click(position={"x": 40 + (size["width"] - 52) / 2, "y": 6 + (size["height"] - 26) / 4})
    expect(text).to_have_text(re.compile(r"start -?0\.0\d 1\.5\d"))
    canvas.press("ArrowRight")
    canvas.press("ArrowUp")
    expect(text).to_have_text(re.compile(r"start 0\.1\d? 1\.6\d?"))
    fields = explorer.locator(".lk-point input")
    expect(fields.first).to_have_value(re.compile(r"0\.1"))
    fields.nth(1).fill("-2")
    fields.nth(1).press("Enter")
    expect(text).to_have_text(re.compile(r"start 0\.1\d? -2\.00"))


def test_an_error_is_shown_as_text_and_leaves_with_its_cause(explorer):
    slider = explorer.get_by_label("slope")
    slider.press("End")
    alert = explorer.get_by_role("alert")
    expect(alert).to_have_text("ValueError: <b>too steep</b>")
    expect(panel(explorer, "curve")).to_be_visible()
    slider.press("Home")
    expect(alert).to_be_empty()


def test_a_figure_is_replaced_and_keeps_its_camera(notebook):
    page = notebook.page
    hill = page.locator(".lk-explorer").nth(1)
    graph = notebook.cell("def surface").locator(".jp-RenderedPlotly")
    title = graph.locator(".gtitle")
    hill.scroll_into_view_if_needed()
    expect(title).to_have_text("height 2")
    scene = graph.locator("#scene canvas, .gl-container canvas").first
    scene.scroll_into_view_if_needed()
    eye = "e => Object.values(e._fullLayout.scene._scene.getCamera().eye)"
    before = at_rest(graph, eye)
    box = scene.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + box["height"] / 2 + 30, steps=5)
    page.mouse.up()
    turned = at_rest(graph, eye)
    assert math.dist(turned, before) > 0.5
    for key, height in (("End", 9), ("ArrowLeft", 8), ("ArrowLeft", 7)):
        hill.get_by_role("slider", name="height").press(key)
        expect(title).to_have_text(f"height {height}")
    # Plotly turns a camera by and by, as the frames come: on a busy machine it rests a little further on. One that was
    # not kept would be back where it began.
    assert math.dist(at_rest(graph, eye), turned) < math.dist(turned, before) / 2
    assert graph.locator(".plot-container").count() == 1
    photograph(page, "explorer_figure", hill)


def test_steps_show_their_code_run_and_say_how_it_went(notebook):
    page = notebook.page
    steps = page.locator(".lk-steps")
    steps.scroll_into_view_if_needed()
    first, second = steps.get_by_role("button").all()
    expect(first).to_have_text("1. Preprocessnot run yet")
    expect(steps.get_by_role("status")).to_have_text("A click on a step shows its code and runs it.")
    second.press("Enter")
    expect(second).to_have_attribute("data-state", "failed")
    expect(steps.get_by_role("alert")).to_have_text(
        "NameError: name 'inputs' is not defined\nRun the steps in order: Preprocess has not run yet.")
    first.click()
    expect(first).to_have_text("1. Preprocessdone")
    expect(steps.get_by_role("region", name="Code of Preprocess")).to_contain_text("inputs = xs / 3")
    expect(steps.get_by_role("region", name="Output of Preprocess")).to_have_text("scaled <b>61</b> numbers")
    expect(steps.get_by_role("alert")).to_be_empty()
    second.click()
    expect(second).to_have_text("2. Inferdone")
    expect(steps.get_by_role("region", name="Output of Infer")).to_have_text("0.5")
    photograph(page, "steps", steps)


def test_two_widgets_on_a_page_do_not_share_names(notebook):
    guesses = notebook.page.locator(".lk-guess")
    expect(guesses).to_have_count(2)
    first, second = guesses.all()
    first.get_by_label("yes").check()
    second.get_by_label("no").check()
    expect(first.get_by_label("yes")).to_be_checked()
    ids = notebook.page.eval_on_selector_all(".labkit-live [id]", "all => all.map((e) => e.id)")
    assert len(set(ids)) == len(ids) > 10


def test_a_busy_kernel_gets_the_latest_values_when_it_is_free(notebook, explorer):
    page = notebook.page
    units = explorer.get_by_label("units")
    notebook.cell("import ctypes").locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    expect(notebook.cell("import ctypes").locator(".jp-InputPrompt")).to_have_text("[*]:")
    for _press in range(6):
        units.press("ArrowRight")
    expect(explorer.locator(".lk-status")).to_have_text("waiting for the kernel")
    expect(explorer.locator(".lk-int .lk-readout")).to_have_text("9")
    expect(notebook.cell("import ctypes")).to_contain_text("kernel is free")
    expect(explorer.locator(".lk-status")).to_be_empty()
    expect(explorer.locator(".lk-spoken")).to_contain_text("units 9")
    notebook.run_cell('print("asked"')
    expect(notebook.cell('print("asked"').locator(".jp-OutputArea-output")).to_have_text(
        re.compile(r"asked [123] units 9"))


def test_every_control_has_a_name_a_size_and_keys(notebook, explorer):
    page = notebook.page
    for widget in page.locator(".lk-explorer, .lk-steps").all():
        roles = re.findall(r"^ *- (?:slider|textbox|spinbutton|button|img)(.*)$", widget.aria_snapshot(), re.M)
        assert len(roles) >= widget.locator("input, select, button, canvas").count()
        assert all(role.startswith(' "') for role in roles), widget.aria_snapshot()
        for control in widget.locator("input, select, button, summary").all():
            assert control.bounding_box()["height"] >= 24, control.evaluate("e => e.outerHTML")
    active = "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(" \
             "(cell) => cell.classList.contains('jp-mod-active'))"
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    steps = page.locator(".lk-steps")
    for control, keys in ((explorer.get_by_label("units"), ("ArrowUp", "ArrowLeft", "j")),
                          (explorer.get_by_label("your text"), ("ArrowDown", "ArrowUp", "x")),
                          (explorer.get_by_label("row 1, column 1"), ("ArrowUp", "ArrowDown", "1")),
                          (panel(explorer, "loss").locator("canvas"), ("ArrowDown", "x")),
                          (steps.get_by_role("button").first, ("ArrowDown", "x")),
                          (steps.locator(".lk-code"), ("ArrowDown", "x", "d", "d"))):
        control.scroll_into_view_if_needed()
        control.focus()
        before = page.evaluate(active)
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate(active) == before, control
        assert page.locator(".jp-Notebook .jp-Cell").count() == cells, control


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_words_are_readable_in_both_themes(notebook, explorer, theme):
    page = notebook.page
    notebook.menu("Settings", "Theme", theme)
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    short = theme.split()[1].lower()
    for name, place in {"explorer": explorer, "explorer_panels": panel(explorer, "words"),
                        "steps": page.locator(".lk-steps")}.items():
        photograph(page, f"{name}_{short}", place)
    weak = [pair for widget in page.locator(".labkit-live").all() for pair in weak_words(widget)]
    notebook.menu("Settings", "Theme", "JupyterLab Light")
    assert not weak


def test_a_panel_that_was_out_of_view_follows_the_theme(context, jupyter):
    long = "\n".join(f"x = {line}" for line in range(40))
    notebook = Notebook(context.new_page(), jupyter, write_notebook(
        jupyter, "far.ipynb", SETUP, EXPLORER, *12 * [long]))
    page = notebook.page
    notebook.run_all()
    canvas = page.locator(".lk-explorer canvas").first
    ink = "e => e.getContext('2d').fillStyle"
    canvas.scroll_into_view_if_needed()
    light = at_rest(canvas, ink)
    assert light != "#000000", "nothing is drawn yet"
    page.locator(".jp-Notebook .jp-Cell").last.scroll_into_view_if_needed()
    page.wait_for_function("e => !e.checkVisibility({ contentVisibilityAuto: true })", arg=canvas.element_handle())
    notebook.menu("Settings", "Theme", "JupyterLab Dark")
    page.locator("body[data-jp-theme-name='JupyterLab Dark']").wait_for(state="attached")
    page.wait_for_timeout(1000)     # what the theme moves in what is in view has ended
    canvas.scroll_into_view_if_needed()
    page.wait_for_function(f"([canvas, light]) => ({ink})(canvas) !== light", arg=[canvas.element_handle(), light])
    notebook.menu("Settings", "Theme", "JupyterLab Light")
    page.close()


def test_an_explorer_whose_module_loads_late_hears_what_the_kernel_says(context, jupyter):
    page = context.new_page()
    # anywidget waits 2 s for a module, which a busy computer may need longer to load: here it does not wait at all.
    page.add_init_script("const timeout = AbortSignal.timeout.bind(AbortSignal);"
                         "AbortSignal.timeout = (ms) => timeout(ms === 2000 ? 0 : ms);")
    with page.expect_event("pageerror", lambda error: "Failed to initialize model" in str(error)):
        Notebook(page, jupyter, write_notebook(jupyter, "late.ipynb", SETUP, EXPLORER)).run_all()
    explorer = page.locator(".lk-explorer")
    expect(explorer.locator("figure")).to_have_count(5)
    explorer.get_by_label("slope").press("Home")
    expect(explorer.locator("> pre")).to_have_text("slope 0.1")
    page.close()


def test_a_reopened_notebook_shows_the_still_copies(notebook, jupyter):
    page = notebook.page
    expect(page.locator(".labkit-live")).to_have_count(5)
    assert not any(still.is_visible() for still in page.locator(".jp-RenderedImage").all())     # while the widgets live
    notebook.save()
    jupyter.end_kernels()
    page.reload()
    notebook.wait_for_kernel()
    for cell, name in {"def draw": "explorer", "def surface": "hill", "def preprocess": "steps"}.items():
        still = notebook.cell(cell).locator(".jp-RenderedImage img")
        assert_loaded(still)
        photograph(page, f"still_copy_{name}", still)


def test_nothing_was_wrong_and_nothing_left_this_computer(notebook, jupyter, heard):
    assert_quiet(jupyter, heard)
