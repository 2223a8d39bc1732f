"""The attention map as a learner meets it: JupyterLab, a real browser, real keys and clicks. Nothing is stubbed.

All tests share one notebook. Each leaves the page fit for the next. Screenshots go to build/screenshots.
"""
import json
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

from labkit.widgets.still import style

pytestmark = NEEDS_CHROMIUM

EVIL = '<img/src=x/onerror="window.broken=1">'
PAYLOADS = [EVIL, "'\"&amp;", "😀👩‍👩‍👧", "שלום", "مرحبا", "中文", "</script><b>", "\u202eright-to-left"]
# A word is its own token, whatever it holds; the names of what can come next hold markup too.
SET_UP = f"""
import torch, labkit as lk
torch.set_num_threads(1)
class Words:
    vocabulary = tuple(f"<b>{{number}}</b>" for number in range(50))
    def tokens(self, text): return text.split()
    def encode(self, text): return [sum(word.encode()) % 50 for word in text.split()]
    def __len__(self): return 50
def model(seed):
    torch.manual_seed(seed)
    network = lk.models.DecoderTransformer(50, width=48, layers=2, heads=3)
    for parameter in network.parameters():
        parameter.data.mul_(2)
    return network
shown = lk.AttentionMap(model(0), "the cat sat on the old mat today", tokenizer=Words(), title={EVIL!r},
                        checkpoints={{100 * seed: model(seed).state_dict() for seed in range(4)}})
shown.show()
"""
GIVEN = f"""
given = lk.AttentionMap(torch.full((1, 1, 8, 8), 1 / 8), {PAYLOADS!r})
given.show()
"""
BUSY = """
import time
for _tenth in range(1200):
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def notebook(context, jupyter):
    notebook = Notebook(context.new_page(), jupyter, write_notebook(
        jupyter, "attention.ipynb", SET_UP, GIVEN, BUSY, "shown.wait()"))
    for cell in ("import torch", "given.show()"):
        notebook.run_cell(cell)
    return notebook


class Map:
    """The map of one cell, as its page shows it."""

    def __init__(self, notebook, cell: str):
        self.page = notebook.page
        self.element = notebook.cell(cell).locator(".lk-attention")
        self.heads = self.element.locator(".lk-head-map")
        self.queries = self.element.locator(".lk-by-query button")
        self.keys = self.element.locator(".lk-by-key button")
        self.readout = self.element.locator(".lk-readout")
        self.matrix = self.element.locator("canvas[role=img]")
        self.prediction = self.element.locator(".lk-prediction")
        self.text = self.element.get_by_label("Your own text")
        self.status = self.element.locator(".lk-status")

    def row(self, name: str) -> list[float]:
        """The numbers of one stage for the chosen token."""
        cells = self.element.locator(".lk-numbers tr", has=self.page.get_by_role("rowheader", name=name)).first
        return [float(text.replace("−", "-").replace("∞", "inf")) for text in cells.locator("td").all_inner_texts()]

    def picture(self) -> str:
        return self.matrix.evaluate("canvas => canvas.toDataURL()")

    def write(self, text: str) -> None:
        self.text.fill(text)
        expect(self.queries.locator("bdi")).to_have_text(text.split()[:64])
        expect(self.element).to_have_attribute("data-state", "ready")


@pytest.fixture
def shown(notebook):
    shown = Map(notebook, "import torch")
    shown.element.scroll_into_view_if_needed()
    return shown


def test_a_head_is_chosen_by_click_and_by_keys(shown):
    shown.heads.nth(4).click()
    name = shown.element.locator(".lk-side strong")
    expect(name).to_have_text("Layer 1, head 1")
    expect(shown.heads.nth(4)).to_have_attribute("aria-pressed", "true")
    before = shown.picture()
    shown.heads.nth(4).press("ArrowUp")
    expect(shown.heads.nth(1)).to_be_focused()
    expect(name).to_have_text("Layer 1, head 1")            # moving is not choosing
    shown.heads.nth(1).press("ArrowRight")
    shown.heads.nth(2).press("Enter")
    expect(name).to_have_text("Layer 0, head 2")
    expect(shown.element.locator("[aria-pressed=true]")).to_have_count(1)
    expect(shown.element.locator(".lk-head-map[tabindex='0']")).to_have_count(1)
    assert shown.picture() != before


def test_a_token_shows_what_it_looks_at_and_what_looks_at_it(shown):
    shown.queries.nth(5).hover()
    expect(shown.readout).to_contain_text("old looks at")
    expect(shown.queries.nth(5)).to_have_attribute("aria-current", "true")
    weights = [float(share) for share in shown.element.locator(".lk-by-key .lk-share").all_inner_texts()]
    assert weights == pytest.approx(shown.row("softmax"), abs=0.0011) and sum(weights) == pytest.approx(1, abs=0.01)
    assert weights[6:] == [0, 0]                            # later tokens are masked
    picture = shown.picture()
    best = max(range(8), key=weights.__getitem__)
    expect(shown.readout.locator("bdi").nth(1)).to_have_text(shown.keys.nth(best).locator("bdi").inner_text())

    shown.keys.nth(1).hover()                               # the other way, and in the matrix a column
    expect(shown.readout).to_contain_text("cat is looked at by")
    expect(shown.keys.nth(1)).to_have_attribute("aria-current", "true")
    looking = [float(share) for share in shown.element.locator(".lk-by-query .lk-share").all_inner_texts()]
    assert looking[5] == pytest.approx(weights[1], abs=0.0011) and looking[0] == 0
    assert shown.picture() != picture

    shown.queries.nth(2).focus()                            # focus does what the pointer does
    expect(shown.readout).to_contain_text("sat looks at")
    shown.queries.nth(2).press("ArrowDown")
    expect(shown.readout).to_contain_text("on looks at")
    shown.keys.nth(7).click()                               # and so does a tap
    expect(shown.readout).to_contain_text("today is looked at by")


def test_a_cell_of_the_matrix_is_read_by_pointer_and_by_keys(shown):
    box = shown.matrix.bounding_box()
    shown.matrix.hover(position={"x": box["width"] - 8, "y": box["height"] - 8})
    expect(shown.readout).to_contain_text("today looks at today:")
    for tokens in (shown.queries, shown.keys):
        expect(tokens.nth(7)).to_have_attribute("aria-current", "true")
    shown.matrix.focus()
    shown.matrix.press("ArrowLeft")
    shown.matrix.press("ArrowUp")
    expect(shown.readout).to_contain_text("mat looks at mat:")
    value = float(re.search(r": ([\d.]+) \(4", shown.readout.inner_text())[1])
    assert value == pytest.approx(shown.row("softmax")[6], abs=0.0011)
    expect(shown.element.locator(".lk-by-query [aria-current=true]")).to_have_count(1)


def test_the_stages_lead_from_scores_to_weights(shown, notebook):
    shown.queries.nth(4).hover()
    expect(shown.readout).to_contain_text("the looks at")
    scores, scaled, masked = (shown.row(name) for name in ("q·k", "divided", "masked"))
    root = float(re.search(r"√d_k = ([\d.]+)", shown.element.inner_text())[1])
    assert root == 4
    assert scaled == pytest.approx([score / root for score in scores], abs=0.011)
    assert masked == [*scaled[:5], -math.inf, -math.inf, -math.inf]
    powers = [math.exp(score) for score in masked]
    assert shown.row("softmax") == pytest.approx([power / sum(powers) for power in powers], abs=0.02)
    pictures = {shown.picture()}
    for stage in ("scores", "scaled", "masked"):
        shown.element.get_by_label("The map shows").select_option(stage)
        expect(shown.element.locator(".lk-shown th")).to_contain_text({"scores": "q·k", "scaled": "divided"}.get(
            stage, stage))
        pictures.add(shown.picture())
    assert len(pictures) >= 3       # dividing changes the scale, not the shades
    photograph(shown.page, "attention_masked", shown.matrix)
    given = Map(notebook, "given.show()")       # weights without a model have one stage, and nothing to compute
    expect(given.element).to_contain_text("Only the weights are known here")
    assert given.row("softmax") == [0.125] * 8 and given.text.count() == 0
    shown.element.get_by_label("The map shows").select_option("softmax")


def test_entropy_is_that_of_the_weights(shown):
    shown.element.get_by_text("Show as table").click()
    rows = shown.element.locator("details tr")
    expect(rows).to_have_count(9)
    weights = [[float(text) for text in row.locator("td").all_inner_texts()] for row in rows.all()[1:]]
    bits = [-sum(weight * math.log2(weight) for weight in row if weight) for row in weights]
    said = re.search(r"entropy ([\d.]+) bits.* = ([\d.]+) tokens", shown.element.locator(".lk-side").inner_text())
    assert float(said[1]) == pytest.approx(sum(bits) / 8, abs=0.02)
    assert float(said[2]) == pytest.approx(2 ** float(said[1]), abs=0.06)
    assert f"{said[1]} bits" in shown.element.locator("[aria-pressed=true]").inner_text()
    shown.element.get_by_text("Show as table").click()


def test_weights_can_be_weighed_by_the_value_vectors(shown):
    scale = shown.element.locator(".lk-scale span").last
    expect(scale).to_have_text("1.000")
    shown.queries.nth(6).hover()
    expect(shown.readout).to_contain_text("mat looks at")
    small = shown.heads.nth(0).locator("canvas").evaluate("canvas => canvas.toDataURL()")
    shown.element.get_by_label("weigh by the length").check()
    expect(scale).not_to_have_text("1.000")
    shares = [float(share) for share in shown.element.locator(".lk-by-key .lk-share").all_inner_texts()]
    assert shares == pytest.approx(shown.row("weights × |v|"), abs=0.011)
    assert shown.heads.nth(0).locator("canvas").evaluate("canvas => canvas.toDataURL()") != small
    shown.element.get_by_label("weigh by the length").uncheck()


def test_the_map_is_enlarged_by_slider_and_double_click(shown):
    width = shown.matrix.bounding_box()["width"]
    slider = shown.element.get_by_label("Size of the map")
    slider.press("End")
    expect(slider).to_have_value("4")
    shown.page.wait_for_function("([canvas, width]) => canvas.getBoundingClientRect().width > 2 * width",
                                 arg=[shown.matrix.element_handle(), width])
    shown.matrix.dblclick(position={"x": 150, "y": 150})
    expect(slider).to_have_value("1")
    shown.page.wait_for_function("([canvas, width]) => canvas.getBoundingClientRect().width === width",
                                 arg=[shown.matrix.element_handle(), width])


def test_a_head_that_is_off_changes_the_prediction(shown):
    shown.heads.nth(1).click()
    before = shown.prediction.inner_text()
    assert "<b>" in before and "probability" in before
    shown.element.get_by_label("switch this head off").press("Space")
    expect(shown.prediction).to_contain_text("heads off: (0, 1)")
    expect(shown.heads.nth(1)).to_contain_text("off")
    rows = [row.locator("td").all_inner_texts() for row in shown.prediction.locator("tr").all()[1:]]
    assert len(rows) >= 5 and any(one != other for one, other in rows)
    photograph(shown.page, "attention_head_off", shown.prediction)
    shown.heads.nth(3).click()
    expect(shown.element.get_by_label("switch this head off")).not_to_be_checked()
    shown.element.get_by_label("switch this head off").check()
    expect(shown.prediction).to_contain_text("heads off: (0, 1) (1, 0)")
    shown.element.get_by_role("button", name="Switch all heads on").click()
    expect(shown.prediction).not_to_contain_text("heads off")
    assert shown.prediction.inner_text() == before


def test_typed_text_is_shown_as_text(shown, notebook):
    shown.text.focus()
    for letter in "an xb":      # faster than the kernel answers: the latest text wins, and no key is a shortcut
        shown.page.keyboard.press(letter if letter != " " else "Space")
    shown.write(" ".join(PAYLOADS))
    given = Map(notebook, "given.show()")
    expect(given.keys).to_have_count(len(PAYLOADS))
    for tokens in (shown.queries, shown.keys, given.queries, given.keys):
        assert tokens.locator("bdi").all_text_contents() == PAYLOADS
    for number, payload in enumerate(PAYLOADS):
        shown.queries.nth(number).hover()
        expect(shown.readout.locator("bdi").first).to_have_text(payload)
    shown.element.get_by_text("Show as table").click()
    expect(shown.element.locator("details th bdi")).to_have_count(16)
    photograph(shown.page, "attention_text_as_text", shown.readout)
    shown.element.get_by_text("Show as table").click()
    isolation = shown.element.locator("bdi").evaluate_all("all => all.map((e) => getComputedStyle(e).unicodeBidi)")
    assert set(isolation) == {"isolate"}
    assert shown.page.evaluate("window.broken") is None
    assert shown.page.locator(".lk-attention :is(img, b, script)").count() == 0
    assert EVIL in shown.element.inner_text()               # the title
    shown.text.fill("")
    expect(shown.element.get_by_role("alert")).to_contain_text("at least one token")
    shown.text.fill("one two")
    shown.heads.nth(3).click()      # what was typed just before something else is clicked counts
    expect(shown.queries.locator("bdi")).to_have_text(["one", "two"])
    expect(shown.element.locator(".lk-error")).to_be_empty()
    shown.write("the cat sat on the old mat today")


def test_everything_but_the_model_works_while_the_kernel_is_busy(shown, notebook):
    cell = notebook.cell("for _tenth in range")
    cell.locator(".jp-InputArea-editor").click()
    shown.page.keyboard.press("Control+Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text("[*]:")
    step, bits = shown.element.locator(".lk-scrub > span"), shown.heads.nth(0).locator("span")
    slider = shown.element.get_by_label("Checkpoint")
    expect(step).to_have_text("step 300 of 300")
    seen = {(bits.inner_text(), shown.prediction.inner_text(), shown.picture())}
    slider.focus()
    for at in (200, 100, 0):
        before = bits.inner_text()
        slider.press("ArrowLeft")
        expect(step).to_have_text(f"step {at} of 300")
        expect(bits).not_to_have_text(before)
        seen.add((bits.inner_text(), shown.prediction.inner_text(), shown.picture()))
    assert all(len(set(column)) == 4 for column in zip(*seen, strict=True))
    shown.heads.nth(5).click()
    expect(shown.element.locator(".lk-side strong")).to_have_text("Layer 1, head 2")
    shown.queries.nth(3).hover()
    expect(shown.readout).to_contain_text("on looks at")
    expect(cell.locator(".jp-InputPrompt")).to_have_text("[*]:")        # busy all the while
    photograph(shown.page, "attention_kernel_busy", shown.element.locator(".lk-overview"))
    notebook.menu("Kernel", "Interrupt Kernel")
    expect(cell).to_contain_text("KeyboardInterrupt")
    slider.press("End")
    expect(step).to_have_text("step 300 of 300")


def test_every_control_has_a_name_a_size_and_keys(shown):
    tree = shown.element.aria_snapshot()
    roles = re.findall(r"^ *- (?:slider|combobox|checkbox|textbox|button|img)(.*)$", tree, re.M)
    assert roles and all(role.startswith(' "') for role in roles), tree
    small = shown.element.locator("input, select, button, summary").evaluate_all(
        """all => all.filter((e) => Math.max(e.offsetHeight, e.closest("label")?.offsetHeight ?? 0) < 24)
          .map((e) => e.outerHTML)""")
    assert not small
    # One stop of the tab key each: text, checkpoints, overview, 4 controls, the lists, matrix, table.
    stops = shown.element.locator(":is(input, select, button, summary, [tabindex]):not([tabindex='-1'], :disabled)")
    assert stops.count() == 11
    page = shown.page
    active = "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(" \
             "(cell) => cell.classList.contains('jp-mod-active'))"
    for control in (shown.heads.nth(0), shown.queries.nth(0), shown.keys.nth(3), shown.matrix,
                    shown.element.locator("select"), shown.element.locator("summary"),
                    shown.element.get_by_label("switch this head off"), shown.element.get_by_label("Size of the map")):
        control.focus()
        before = page.evaluate(active)
        for key in ("ArrowDown", "ArrowUp", "x", "j"):
            page.keyboard.press(key)
        assert page.evaluate(active) == before, control
    assert page.locator(".jp-Notebook .jp-Cell").count() == 4
    shown.element.locator("select").select_option("softmax")
    shown.element.get_by_label("Size of the map").press("Home")


def test_explorers_and_films_on_the_same_page_leave_the_map_as_it_is(shown):
    places = """e => [...e.querySelectorAll("*")].map((part) => {
      const { x, y, width, height } = part.getBoundingClientRect();
      return [part.className, x, y, width, height].join(" ");
    })"""
    before = at_rest(shown.element, places)
    shown.page.add_style_tag(content=style("panels.css", "explorer.css"))
    assert at_rest(shown.element, places) == before


def test_words_are_readable_in_both_themes_with_8_24_and_64_tokens(shown, notebook):
    page = shown.page
    page.set_viewport_size({"width": 1280, "height": 1500})
    texts = {8: "the cat sat on the old mat today", 24: "this is a little longer than before " * 3 + "and no more",
             64: "the cat that sat there saw a " * 10}
    weak, wide = [], []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.menu("Settings", "Theme", theme)
        page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        for count, text in texts.items():
            shown.write(text)
            shown.queries.nth(count - 2).hover()
            expect(shown.queries.nth(count - 2)).to_have_attribute("aria-current", "true")
            photograph(page, f"attention_{count}_{theme[11:].lower()}", shown.element)
            weak += weak_words(shown.element)
            wide += shown.element.evaluate("e => e.scrollWidth > e.clientWidth + 1 ? [e.scrollWidth] : []")
        expect(shown.status).to_have_text("The first 64 of 70 tokens are shown.")
    notebook.menu("Settings", "Theme", "JupyterLab Light")
    page.set_viewport_size({"width": 1400, "height": 1000})
    assert not weak and not wide


def test_a_reopened_notebook_shows_the_still_copy(notebook, jupyter):
    page = notebook.page
    still = page.locator(".jp-OutputArea:has(.labkit-live) > .jp-OutputArea-child .jp-RenderedImage")
    assert still.count() == 2 and not any(picture.is_visible() for picture in still.all())
    notebook.run_cell("shown.wait()")       # for the copy, which is renewed after the page has its answer
    saved = notebook.save()
    assert len(json.dumps(saved)) < 1_000_000 and "widgets" not in saved["metadata"]
    jupyter.end_kernels()
    page.reload()
    notebook.wait_for_kernel()
    picture = notebook.cell("import torch").locator(".jp-RenderedImage img")
    assert_loaded(picture)
    stored = saved["cells"][0]["outputs"][1]["metadata"]["image/png"]["alt"]
    assert "on 64 tokens" in stored         # the copy is of the text that was typed last
    photograph(page, "attention_still_copy", picture)


def test_nothing_was_wrong_and_nothing_left_this_computer(notebook, jupyter, heard):
    assert_quiet(jupyter, heard)
