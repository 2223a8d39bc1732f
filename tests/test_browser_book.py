"""The web edition as readers get it: opened as files in Chromium, without a server and without a kernel."""
import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import NEEDS_CHROMIUM, ROOT, SCREENSHOTS
from playwright.sync_api import expect

from labkit.headless import find

pytestmark = NEEDS_CHROMIUM
LOOKS = (("light", 1280), ("dark", 360), ("dark", 1280), ("light", 360))
CHAPTERS = [path.stem for path in find()]
PAGES = [f"en/{chapter}.html" for chapter in CHAPTERS] + [
    "zh/02_core_concepts.html", "zh/04_mathematics.html", "zh/index.html", "zh/search.html?q=梯度",
    "en/api/labkit.training.html", "index.html"]
# Each word of code is an element, and measuring their contrast takes longest: one page in each theme stands for all.
WITH_CODE = ("en/05_project.html", "en/07_tools_and_resources.html")
# What the canvases of a widget show now.
PICTURES = "widget => [...widget.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join()"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The web edition, built once; what Sphinx warns of is an error."""
    out = tmp_path_factory.mktemp("book")
    done = subprocess.run([sys.executable, "-m", "book", "--out", out], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.fixture(scope="module")
def page(context):
    return context.new_page()


@pytest.fixture
def read(book, page):
    """Opens a page of the book in a look, with everything drawn that is drawn when a reader comes near it."""
    def opened(name, scheme="light", width=1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        path, _question, query = name.partition("?")
        page.goto(f"{(book / path).as_uri()}{'?' if query else ''}{query}")
        page.evaluate("window.labkitBook?.drawAll()")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page
    return opened


def widget(page, name):
    """The widget that a cell shows in a place among its outputs, such as `map-0`."""
    return page.locator(f'.book-widget[data-name="{name}"]')


@pytest.mark.parametrize("name, look", [(name, LOOKS[number % 4]) for number, name in enumerate(PAGES)])
def test_nothing_keeps_a_reader_out(read, name, look):
    page = read(name, *look)
    found = Axe().run(page, context=None if name in WITH_CODE else {"exclude": [[".highlight"]]},
                      options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
    assert [(fault["id"], [(node["html"][:200], node["failureSummary"]) for node in fault["nodes"]])
            for fault in found if fault["impact"] in ("serious", "critical")] == []
    nameless = "img:not([alt]), img[alt=''], .book-graph:not([aria-label]), .book-widget canvas:not([aria-label])"
    assert page.locator(nameless).evaluate_all(
        "found => found.filter(e => !e.closest('button, [aria-hidden=true]')).map(e => e.outerHTML)") == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_film_is_scrubbed_by_keyboard(read, language):
    film = widget(read(f"{language}/04_mathematics.html"), "recall-0")
    slider, caption = film.get_by_role("slider"), film.locator(".lk-caption")
    last, said = film.evaluate(PICTURES), caption.inner_text()
    slider.focus()
    for _moment in range(5):
        slider.press("ArrowLeft")
    assert film.evaluate(PICTURES) != last and caption.inner_text() != said
    slider.press("End")
    assert film.evaluate(PICTURES) == last and caption.inner_text() == said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_attention_map_answers_without_a_kernel(read, language):
    page = read(f"{language}/04_mathematics.html", "dark")
    shown = widget(page, "map-0")
    matrix, readout = shown.locator(".lk-matrix-frame canvas"), shown.locator(".lk-readout")
    matrix.focus()
    said = readout.inner_text()
    matrix.press("ArrowUp")
    expect(readout).not_to_have_text(said)
    heads = shown.locator(".lk-head-map")
    heads.nth(0).click()
    expect(heads.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(shown.locator(".lk-prediction")).to_be_visible()
    assert shown.locator("input[type=text]").count() == 0       # another text would need the model
    shown.screenshot(path=SCREENSHOTS / f"book_attention_{language}.png")


def test_steps_guesses_and_the_self_test_answer(read):
    page = read("en/02_core_concepts.html")
    steps = page.locator('.book-widget[data-view$="StepsView"]').first
    steps.get_by_role("button").first.click()
    expect(steps.locator(".lk-code")).to_contain_text("def ")
    page = read("en/09_faq.html")
    guess = page.locator('.book-widget[data-view$="Guess"]').first.get_by_role("radio").first
    guess.check()
    expect(guess).to_be_checked()
    test = page.locator('.book-widget[data-view$="SelfTestView"]')
    test.get_by_role("radio").first.check()
    expect(test.locator(".lk-verdict").first).not_to_be_empty()
    assert test.get_by_role("button").count() == 0              # other questions would need the kernel


def test_a_figure_is_drawn_and_has_its_numbers_in_a_table(read):
    figure = read("en/02_core_concepts.html", "dark").locator(".book-figure:has(.book-table)").first
    expect(figure.locator("svg.main-svg").first).to_be_visible()
    summary = figure.locator("summary")
    summary.focus()
    summary.press("Enter")
    assert figure.locator("td").count() > 4
    expect(figure.locator("td").first).to_be_visible()


def test_what_needs_a_kernel_says_so_and_offers_binder(read):
    note = read("zh/04_mathematics.html").locator(".book-asleep").first
    link = note.get_by_role("link")
    expect(note).to_contain_text("内核")
    assert link.get_attribute("href").startswith("https://mybinder.org/v2/gh/")
    assert link.get_attribute("href").endswith("urlpath=lab/tree/build/zh/04_mathematics.ipynb")


@pytest.mark.parametrize("name, found", [("en/search.html?q=gradient", "4 Mathematics"),
                                         ("zh/search.html?q=注意力", "4 "), ("zh/search.html?q=Adam", "3 ")])
def test_search_finds_a_word(read, name, found):
    page = read(name)
    expect(page.locator("#search-results li a").filter(has_text=found).first).to_be_visible()
    expect(page.locator("#search-results li a").first).to_have_text(re.compile(r"^\d"))     # chapters come first


def test_search_finds_nothing_where_there_is_nothing(read):
    page = read("zh/search.html?q=袋鼠")
    expect(page.locator("#search-results p.search-summary, #search-results p").first).to_be_visible()
    assert page.locator("#search-results li").count() == 0


def test_each_page_leads_to_the_same_in_the_other_language_and_to_other_chapters(read, book):
    page = read("index.html")
    page.get_by_role("link", name="English").click()
    page.locator("article").get_by_role("link", name="4 Mathematics").first.click()
    page.locator(".book-bar").get_by_role("link", name="中文").click()
    assert page.url == (book / "zh" / "04_mathematics.html").as_uri()
    assert page.locator("html").get_attribute("lang").startswith("zh")
    page.locator(".book-bar").get_by_role("link", name="English").click()
    assert page.url == (book / "en" / "04_mathematics.html").as_uri()
    page.locator("article a[href='05_project.html']").first.click()
    expect(page.locator("h1")).to_contain_text("5 Project")


def test_no_page_asked_another_computer_or_failed(book, heard):
    assert heard["hosts"] == {None}, "files have no host"
    assert heard["errors"] == []
