"""A film in JupyterLab, in a real browser: it is scrubbed, played and read in the page alone, and it stays readable."""
import re

import pytest
from browser import NEEDS_CHROMIUM, Notebook, assert_loaded, assert_quiet, photograph, weak_words, write_notebook
from playwright.sync_api import expect

pytestmark = NEEDS_CHROMIUM

EVIL = '<img src=x onerror="window.broken=1">'
TRAIN = """
import torch, labkit as lk
torch.manual_seed(0)
torch.set_num_threads(1)
points = torch.randn(120, 2)
classes = (points[:, 0] * points[:, 1] > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
adam = torch.optim.Adam(model.parameters(), 0.05)
film = lk.Film(total=60, moments=7, title="A network learns")
losses = []
for step in range(1, 61):
    loss = torch.nn.functional.cross_entropy(model(points), classes)
    adam.zero_grad()
    loss.backward()
    losses.append(loss.item())
    if film.wants(step):
        film.add(step, boundary=lk.snapshots.decision_boundary(model, points, classes),
                 loss=lk.panels.lines(range(1, step + 1), {"loss": losses, "best": [min(losses)] * step},
                                      x="step", y="loss"),
                 gradients=lk.panels.bars(lk.snapshots.gradient_sizes(model), log=True, y="size"),
                 weights=lk.snapshots.weights(model[2].weight), heads=lk.snapshots.heads(torch.rand(3, 5, 5)),
                 words=lk.panels.tokens(["the ", EVIL, "狗"], [0.5, -1, step]), said=lk.panels.text(EVIL, title=EVIL),
                 table=lk.panels.table([[EVIL, 1 / step]], ["name", "value"]))
    adam.step()
film.show()
assert film.steps[0] == 1 and film.steps[-1] == 60
""".replace("EVIL", repr(EVIL))
BUSY = """
import time
for _tenth in range(1200):
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def notebook(context, jupyter):
    """A notebook that has recorded a film and shows it."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 1000})
    notebook = Notebook(page, jupyter, write_notebook(jupyter, "film.ipynb", TRAIN, BUSY))
    notebook.run_cell("import torch")
    return notebook


@pytest.fixture
def film(notebook):
    film = notebook.page.locator(".lk-film")
    film.scroll_into_view_if_needed()
    notebook.page.wait_for_function(INKED)
    return film


def slider(film):
    return film.get_by_role("slider", name="moment of training")


def panel(film, name: str):
    return film.locator(f".lk-panel[data-name='{name}']")


PICTURE = "canvas => canvas.toDataURL()"
# Every canvas was drawn in the colour that text has now.
INKED = """() => [...document.querySelectorAll(".lk-film canvas")].every((canvas) => {
  const other = document.createElement("canvas").getContext("2d");
  other.fillStyle = getComputedStyle(canvas).color;
  return canvas.getContext("2d").fillStyle === other.fillStyle;
})"""


def test_the_slider_and_the_keys_move_all_panels_in_step(notebook, film):
    photograph(notebook.page, "film", film)
    caption = film.locator(".lk-caption")
    expect(caption).to_have_text("step 60 of 60")
    canvases = [panel(film, name).locator("canvas") for name in ("boundary", "loss", "gradients", "weights")]
    last = [canvas.evaluate(PICTURE) for canvas in canvases]
    slider(film).press("Home")
    expect(caption).to_have_text("step 1 of 60")
    expect(slider(film)).to_have_attribute("aria-valuetext", "step 1 of 60")
    first = [canvas.evaluate(PICTURE) for canvas in canvases]
    assert not set(first) & set(last)
    slider(film).press("ArrowRight")
    expect(caption).to_have_text("step 10 of 60")
    box = slider(film).bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(caption).to_have_text("step 60 of 60")
    assert [canvas.evaluate(PICTURE) for canvas in canvases] == last


def test_play_runs_to_the_end_and_pauses(film):
    caption = film.locator(".lk-caption")
    play = film.locator("button[name=play]")
    names = play.evaluate_handle("""(play) => {
      const names = [];
      new MutationObserver(() => names.push(play.textContent)).observe(play, { childList: true });
      return names;
    }""")
    play.dblclick()         # at the end it begins anew, and is paused before it is at the end again
    expect(play).to_have_text("Play")
    assert caption.text_content() != "step 60 of 60"
    play.press("Enter")
    expect(caption).to_have_text("step 60 of 60")
    expect(play).to_have_text("Play")
    assert names.json_value() == 2 * ["Pause", "Play"]


def test_where_no_motion_is_wanted_the_button_goes_one_moment_on(notebook, film):
    notebook.page.emulate_media(reduced_motion="reduce")
    film.get_by_role("button", name="Next moment").click()
    expect(film.locator(".lk-caption")).to_have_text("step 1 of 60")
    film.get_by_role("button", name="Next moment").click()
    expect(film.locator(".lk-caption")).to_have_text("step 10 of 60")
    notebook.page.wait_for_timeout(500)
    assert film.locator(".lk-caption").text_content() == "step 10 of 60"
    notebook.page.emulate_media(reduced_motion="no-preference")
    expect(film.get_by_role("button", name="Play")).to_be_visible()


def test_values_are_read_by_pointer_by_keys_and_in_a_table(notebook, film):
    slider(film).press("End")
    readouts = {"boundary": r"^x -?[\d.]+, y -?[\d.]+: [\d.]+$", "loss": r"^step \d+: loss [\d.]+, best [\d.]+$",
                "gradients": r"^\d\.(weight|bias): [\d.e-]+$", "weights": r"^row \d, column \d+: -?[\d.]+$",
                "heads": r"^head \d, row \d, column \d: [\d.]+$"}
    for name, words in readouts.items():
        canvas, readout = panel(film, name).locator("canvas"), panel(film, name).locator(".lk-readout")
        box = canvas.bounding_box()
        canvas.hover(position={"x": 0.45 * box["width"], "y": 0.4 * box["height"]})
        expect(readout).to_have_text(re.compile(words))
        notebook.page.mouse.move(0, 0)
        expect(readout).to_have_text(" ")
        canvas.focus()
        expect(readout).to_have_text(re.compile(words))
        before = readout.text_content()
        canvas.press("ArrowLeft" if name == "loss" else "ArrowDown")
        expect(readout).not_to_have_text(before)
        canvas.press("x")       # a letter would cut the cell, were the key not kept from the notebook
    expect(notebook.cell("import torch")).to_be_visible()
    photograph(notebook.page, "film_values", panel(film, "weights"))
    token = panel(film, "words").locator(".lk-token").first
    token.focus()
    token.press("ArrowRight")
    expect(panel(film, "words").locator(".lk-readout")).to_have_text(re.compile("^2: .* -1$"))
    for name, rows in {"loss": 1 + 2 * 60, "gradients": 1 + 4}.items():
        panel(film, name).get_by_text("Show as table").click()
        expect(panel(film, name).locator("tr")).to_have_count(rows)
    slider(film).press("Home")      # an open table follows
    expect(panel(film, "loss").locator("tr")).to_have_count(1 + 2)
    for name in ("loss", "gradients"):
        panel(film, name).get_by_text("Show as table").click()
    slider(film).press("End")


def test_text_is_shown_as_text_and_every_control_has_a_name(notebook, film):
    assert notebook.page.evaluate("window.broken") is None and film.locator("img").count() == 0
    assert film.inner_text().count(EVIL) == 3      # a token shows its spaces as signs
    controls = film.locator("input, button, canvas")
    snapshot = film.aria_snapshot()
    named = re.findall(r'^ *- (?:slider|button|img) "', snapshot, re.M)
    assert len(named) == controls.count() == 7, snapshot
    for control in film.locator("input, button, summary, .lk-token").all():
        assert control.bounding_box()["height"] >= 24


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_words_are_readable_and_pictures_follow_the_theme(notebook, film, theme):
    page = notebook.page
    notebook.menu("Settings", "Theme", theme)
    page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
    page.wait_for_function(INKED)
    photograph(page, f"film_{theme.split()[1].lower()}", film)
    photograph(page, f"film_{theme.split()[1].lower()}_lower", panel(film, "table"))
    weak = weak_words(film)
    notebook.menu("Settings", "Theme", "JupyterLab Light")
    assert not weak


def test_a_busy_kernel_does_not_stop_the_film(notebook, film):
    notebook.cell("time.sleep").locator(".jp-InputArea-editor").click()
    notebook.page.keyboard.press("Control+Enter")
    expect(notebook.page.locator(".jp-Notebook-ExecutionIndicator[data-status=busy]")).to_be_attached()
    slider(film).press("Home")
    expect(film.locator(".lk-caption")).to_have_text("step 1 of 60")
    canvas = panel(film, "loss").locator("canvas")
    before = canvas.evaluate(PICTURE)
    slider(film).press("End")
    expect(film.locator(".lk-caption")).to_have_text("step 60 of 60")
    assert canvas.evaluate(PICTURE) != before
    expect(notebook.cell("time.sleep").locator(".jp-InputPrompt")).to_have_text("[*]:")     # busy all the while
    notebook.menu("Kernel", "Interrupt Kernel")
    expect(notebook.cell("time.sleep")).to_contain_text("KeyboardInterrupt")


def test_a_reopened_notebook_shows_the_still_copy(notebook, jupyter):
    page = notebook.page
    still = notebook.cell("import torch").locator(".jp-RenderedImage img")
    expect(still).to_be_hidden()
    saved = notebook.save()
    jupyter.end_kernels()
    page.reload()
    notebook.wait_for_kernel()
    assert_loaded(still)
    assert still.evaluate("e => e.naturalWidth") == 900
    photograph(page, "film_still", still)
    assert "widgets" not in saved["metadata"]
    assert ["".join(output["data"]["text/plain"]) for output in saved["cells"][0]["outputs"]] == [
        "[film: run this cell to scrub through it]", "still copy of the film above"]


def test_nothing_was_wrong_and_nothing_left_this_computer(notebook, jupyter, heard):
    assert_quiet(jupyter, heard)
