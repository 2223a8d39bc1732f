"""Each chapter but the project, run whole in JupyterLab: every widget is drawn, and every explorer follows a key.

Chapter 5 has test_browser.py. One server serves them all; a chapter's kernel ends before the next one starts.
Pictures of all widgets go to build/screenshots.
"""
import pytest
from browser import NEEDS_CHROMIUM, ROOT, SCREENSHOTS, Notebook, assert_quiet, at_rest
from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect

pytestmark = NEEDS_CHROMIUM

CHAPTERS = sorted(path.name for path in (ROOT / "chapters").glob("*.ipynb") if not path.name.startswith("05"))

# What each kind of widget shows at least, as CSS; and what a widget says that is not drawn.
MISSING = """(widget) => {
  const parts = {
    "lk-explorer": ".lk-settings :is(input, select)", "lk-film": "figure", "lk-steps": "button", "lk-guess": "input",
    "lk-controls": "input, select", "lk-curve": ".lk-panel canvas", "lk-attention": "canvas",
    "labkit-augmentation": "img", "lk-self-test": "input", "lk-upload": "input" };
  const kind = Object.keys(parts).find((kind) => widget.classList.contains(kind));
  if (!kind) return [`no known kind: ${widget.className}`];
  const painted = (canvas) => canvas.width && canvas.height && canvas.clientWidth && canvas.clientHeight
    && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean);
  const visible = (element) => element.checkVisibility();
  const all = (selector) => [...widget.querySelectorAll(selector)];
  const pictures = [...all(".lk-panels > figure"), ...widget.closest(".jp-OutputArea").querySelectorAll(".main-svg")];
  return [
    !all(parts[kind]).some(visible) && parts[kind],
    kind === "lk-explorer" && !pictures.some(visible) && "a panel or a figure",
    kind === "lk-curve" && widget.dataset.state !== "finished" && `the end: ${widget.dataset.state}`,
    ...all("canvas").filter(visible).map((canvas) => !painted(canvas) && canvas.outerHTML),
    ...all("img").map((image) => !image.naturalWidth && image.outerHTML),
    ...all(".lk-error, [role=alert]").map((error) => error.textContent),
  ].filter(Boolean);
}"""

# All that an explorer shows of its result: what is drawn, what is written, and plotly's figures below it.
RESULT = """(explorer) => JSON.stringify([
  [...explorer.querySelectorAll(".lk-panels canvas")].map((canvas) => canvas.toDataURL()),
  explorer.querySelector(".lk-panels").textContent, explorer.querySelector(":scope > pre").textContent,
  [...explorer.closest(".jp-OutputArea").querySelectorAll(".main-svg")].map((figure) => figure.innerHTML)])"""


@pytest.fixture(params=CHAPTERS)
def chapter(request, context, jupyter):
    """A chapter, run whole."""
    page = context.new_page()
    notebook = Notebook(page, jupyter, f"chapters/{request.param}")
    notebook.run_all(300)
    yield notebook
    page.close()
    jupyter.end_kernels()


def test_a_chapter_runs_and_its_widgets_are_alive(chapter, jupyter, heard):
    page, number = chapter.page, chapter.path.name[:2]
    cells = [cell for cell in chapter.save()["cells"] if cell["cell_type"] == "code"]
    outputs = [(cell["id"], output) for cell in cells for output in cell["outputs"]]
    assert not {cell: output["evalue"] for cell, output in outputs if output["output_type"] == "error"}
    assert all(cell["execution_count"] for cell in cells)
    shown = sum("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for _cell, output in outputs)
    widgets = page.locator(".labkit-live")
    expect(widgets).to_have_count(shown)
    assert shown >= 9
    for place, widget in enumerate(widgets.all()):
        wait_until_drawn(widget)
        widget.screenshot(path=SCREENSHOTS / f"chapter_{number}_{place:02}.png")
    for explorer in page.locator(".lk-explorer").all():
        assert follows_a_key(explorer), explorer.inner_text()
    assert_quiet(jupyter, heard)


def wait_until_drawn(widget) -> None:
    widget.scroll_into_view_if_needed()
    try:
        widget.page.wait_for_function(f"(widget) => !({MISSING})(widget).length", arg=widget.element_handle())
    except Late:
        pytest.fail(f"{widget.inner_text()}: {widget.evaluate(MISSING)}")


def follows_a_key(explorer) -> bool:
    """Whether one of the controls, moved by keys, changes what the explorer shows."""
    page, handle = explorer.page, explorer.element_handle()
    wait_until_drawn(explorer)
    for control in explorer.locator(".lk-settings").locator(
            "input[type=range], select, input[type=text]").all():
        control.focus()
        key = control.evaluate("""(e) => e.type === "range"
          ? 2 * e.value > Number(e.min) + Number(e.max) ? "PageDown" : "PageUp"
          : e.type === "text" ? "Backspace"
          : e.selectedIndex < e.length - 1 ? "ArrowDown" : "ArrowUp\"""")
        before = at_rest(explorer, RESULT)
        control.press(key)
        try:
            page.wait_for_function(f"([explorer, before]) => ({RESULT})(explorer) !== before", arg=[handle, before],
                                   timeout=10_000)
            expect(explorer.locator(".lk-status, .lk-error")).to_have_text(["", ""])
            return True
        except Late:
            continue
    return False
