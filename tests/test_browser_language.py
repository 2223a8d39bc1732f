"""JupyterLab's own menus speak the course's language, and a chapter's badge is drawn without asking another host."""
import shutil

import badges
import nbformat
import pytest
from browser import NEEDS_CHROMIUM, ROOT, Notebook, Server, assert_quiet, photograph
from playwright.sync_api import expect

from labkit import server

pytestmark = NEEDS_CHROMIUM
MENUS = {"en": ["File", "Edit", "View", "Run", "Kernel"], "zh": ["文件", "编辑", "查看", "运行", "内核"]}


@pytest.fixture
def course(tmp_path):
    """A chapter's title alone, with its badge."""
    folder = tmp_path / "course"
    (folder / "images").mkdir(parents=True)
    shutil.copy(ROOT / "chapters" / badges.PICTURE, folder / "images")
    chapter = nbformat.read(ROOT / "chapters" / "05_project.ipynb", as_version=4)
    chapter.cells = chapter.cells[:1]
    nbformat.write(chapter, folder / "title.ipynb")
    return folder


@pytest.mark.parametrize("language", MENUS)
def test_menus_are_in_the_language_of_the_course(language, course, context, heard, tmp_path, monkeypatch):
    if not server.has_menus(language):
        pytest.skip("jupyterlab-language-pack-zh-CN is not installed here")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")     # else a Chinese computer's menus are Chinese in any case
    jupyter = Server(course, tmp_path / "home", language)
    try:
        page = Notebook(context.new_page(), jupyter, "title.ipynb").page
        menus = page.get_by_role("menubar").get_by_role("menuitem")
        expect(menus.first).to_have_text(MENUS[language][0])
        assert menus.all_inner_texts()[:5] == MENUS[language]
        badge = page.get_by_role("img", name="Open in Binder")
        assert badge.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 92
        address = badges.binder(badges.source(ROOT / "pyproject.toml"), "chapters/05_project.ipynb")
        expect(page.locator(".jp-MarkdownCell a", has=badge)).to_have_attribute("href", address)
        photograph(page, f"menus_{language}")
        assert_quiet(jupyter, heard)
        page.close()        # before its server ends, which it would report as an error
    finally:
        jupyter.close()
