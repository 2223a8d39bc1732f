"""The self-test as a learner meets it: answers are marked at once, without the kernel, and others can be drawn."""
import re

import pytest
from browser import NEEDS_CHROMIUM, Notebook, assert_quiet, photograph, weak_words, write_notebook
from playwright.sync_api import expect

pytestmark = NEEDS_CHROMIUM

SOURCE = """import labkit as lk
selftest = lk.SelfTest(20, seed=3)
selftest.show()"""
MARKED = re.compile(r"^(Right\.|Not right\. The answer: ).*Chapter 1, .+ cell ")
SAY = "print(selftest.seed, selftest.right, selftest.choices)"


@pytest.fixture(scope="module")
def notebook(context, jupyter):
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 1000})
    notebook = Notebook(page, jupyter, write_notebook(jupyter, "self_test.ipynb", SOURCE, SAY))
    notebook.run_cell("import labkit")
    return notebook


def test_an_answer_is_marked_at_once_and_stands(notebook, jupyter, heard):
    page = notebook.page
    test = page.locator(".lk-self-test")
    questions = test.locator("li")
    expect(questions).to_have_count(20)
    first = questions.first
    choice = first.locator("input").first
    choice.focus()
    choice.press("Space")
    expect(first.locator(".lk-verdict")).to_have_text(MARKED)
    expect(choice).to_be_checked()
    expect(first.locator("input:disabled")).to_have_count(first.locator("input").count() - 1)
    second = questions.nth(1).locator("label").first
    second.click()
    expect(test.locator("> .lk-status")).to_have_text(re.compile(r"^[012] of 2 answers right, 18 questions left\.$"))
    expect(page.locator(".jp-OutputArea .jp-RenderedText", has_text="○")).to_be_hidden()
    assert not weak_words(test)
    photograph(page, "self_test", test)
    notebook.run_cell(SAY)
    printed = notebook.cell(SAY).locator(".jp-OutputArea-output").inner_text()
    right = int(test.locator("> .lk-status").inner_text()[0])
    assert printed.startswith(f"3 {right} [0, 0, -1")
    assert_quiet(jupyter, heard)


def test_other_questions_forget_the_answers(notebook):
    test = notebook.page.locator(".lk-self-test")
    before = test.locator("legend").all_inner_texts()
    test.get_by_role("button", name="Other questions").click()
    expect(test.locator("> .lk-status")).to_have_text("0 of 0 answers right, 20 questions left.")
    assert test.locator("legend").all_inner_texts() != before
    expect(test.locator("input:checked")).to_have_count(0)
