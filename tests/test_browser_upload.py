"""The file field as a learner meets it: JupyterLab, a real browser, files chosen by label and keys.

All tests share one server and one notebook, written here. Screenshots go to build/screenshots.
"""
import pytest
from browser import NEEDS_CHROMIUM, Notebook, assert_quiet, photograph, weak_words, write_notebook
from playwright.sync_api import expect

from labkit.checklist import faults

pytestmark = NEEDS_CHROMIUM

SETUP = """import os
import tempfile
from pathlib import Path
import labkit as lk
from labkit import checklist
from labkit.widgets.upload import Upload
profile = lk.setup("quick", 0)
run = Path(tempfile.mkdtemp()) / "run\""""
UPLOAD = """upload = Upload("Your data: a CSV table, or a zip", check=lambda file: checklist.intake(file, run))
upload.show()"""
LOOK = """print("given", upload.file and upload.file[0], "examples", upload.result and len(upload.result),
      "beside", sorted(os.listdir(run.parent)), sorted(os.listdir(run)) if run.exists() else [])"""
EVIL = '<img src=x onerror="window.broken=1">.csv'


@pytest.fixture(scope="module")
def notebook(context, jupyter):
    notebook = Notebook(context.new_page(), jupyter, write_notebook(jupyter, "upload.ipynb", SETUP, UPLOAD, LOOK))
    notebook.run_all()
    return notebook


@pytest.fixture
def field(notebook):
    return notebook.page.get_by_label("Your data: a CSV table, or a zip")


@pytest.fixture
def upload(notebook):
    return notebook.page.locator(".lk-upload")


def choose(field, name, content):
    field.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def look(notebook):
    notebook.run_cell('print("given"')
    return notebook.cell('print("given"').locator(".jp-OutputArea-output").inner_text()


def test_before_a_file_is_chosen_the_notebook_has_run_to_its_end(notebook, upload):
    expect(upload.get_by_role("status")).to_have_text("No file was chosen.")
    assert look(notebook).startswith("given None examples None beside [] []")


def test_a_table_is_sent_and_taken(notebook, upload, field):
    name, content = faults.SOUND["a sound table"]()
    choose(field, name, content)
    expect(upload.get_by_role("status")).to_have_text(f"table.csv: {len(content):,} bytes, taken.")
    assert look(notebook).startswith("given table.csv examples 20 beside ['run'] ['given.csv']")


def test_a_zip_that_leads_out_of_the_folder_is_refused_in_words(notebook, upload, field):
    choose(field, *faults.FAULTS["path with .."]())
    expect(upload.get_by_role("alert")).to_contain_text("It has '..' and leads out of the folder.")
    expect(upload.get_by_role("status")).to_have_text("pictures.zip was refused.")
    assert look(notebook).startswith("given table.csv examples 20 beside ['run'] ['given.csv']")
    photograph(notebook.page, "upload_refused", upload)


def test_a_zip_of_pictures_is_taken_and_the_refusal_goes(notebook, upload, field):
    choose(field, *faults.SOUND["a sound zip"]())
    expect(upload.get_by_role("status")).to_contain_text("pictures.zip")
    expect(upload.get_by_role("alert")).to_be_empty()
    assert look(notebook).startswith("given pictures.zip examples 12")


def test_the_same_file_may_be_chosen_again_and_its_name_is_text(notebook, upload, field):
    for _twice in range(2):
        choose(field, EVIL, b"kind\na\n")
        expect(upload.get_by_role("status")).to_have_text(f"{EVIL} was refused.")
        expect(upload.get_by_role("alert")).to_contain_text("two or more: inputs, and the target")
        choose(field, *faults.SOUND["a sound table"]())
        expect(upload.get_by_role("alert")).to_be_empty()
    assert notebook.page.evaluate("window.broken") is None and upload.locator("img").count() == 0


def test_a_file_over_the_limit_is_refused_and_the_kernel_stays_connected(notebook, upload, field, tmp_path):
    large = tmp_path / "large.csv"
    large.write_bytes(b"a,b\n" + bytes(12_000_000))     # more than a message of the server may have
    field.set_input_files(large)
    expect(upload.get_by_role("alert")).to_contain_text("12,000,004 bytes")
    assert look(notebook).startswith("given table.csv")


def test_a_file_just_under_the_limit_arrives(notebook, upload, field, tmp_path):
    large = tmp_path / "large.csv"
    large.write_bytes(b"size,kind\n" + b"".join(b"%079d,%d\n" % (row, row % 2) for row in range(90_000)))
    field.set_input_files(large)
    expect(upload.get_by_role("status")).to_contain_text("7,380,010 bytes, taken.")
    assert look(notebook).startswith("given large.csv examples 90000")


def test_it_has_a_name_a_size_and_keys_and_its_words_are_readable(notebook, upload, field):
    page = notebook.page
    assert field.bounding_box()["height"] >= 24
    assert 'Your data: a CSV table, or a zip"' in upload.aria_snapshot()
    assert "At most 8,000,000 bytes" in page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    field.focus()
    with page.expect_file_chooser() as chooser:
        page.wait_for_timeout(1000)     # until Chromium has heard that it shall not open a window of its own
        page.keyboard.press("Enter")
    chooser.value.set_files([])
    field.focus()
    for key in ("x", "d", "d", "ArrowDown"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    weak = {}
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.menu("Settings", "Theme", theme)
        page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        weak[theme] = weak_words(upload)
        photograph(page, f"upload_{theme.split()[1].lower()}", upload)
    assert weak == {"JupyterLab Dark": [], "JupyterLab Light": []}


def test_nothing_was_wrong_and_nothing_left_this_computer(jupyter, heard):
    assert_quiet(jupyter, heard)
