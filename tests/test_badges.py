"""Each chapter's Binder badge, in both languages, leads to what the one setting says."""
import re
import shutil

import badges
import nbformat
import pytest

from labkit import translate
from labkit.settings import chapters_folder

NOTEBOOKS = sorted(chapters_folder().glob("*.ipynb"))
ADDRESS = badges.source(chapters_folder().parent / "pyproject.toml")


def titles(path) -> list[str]:
    return [nbformat.read(path, as_version=4).cells[0].source, translate.read(translate.page_of(path))["title"].chinese]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_chapter_has_the_badge_of_the_setting(path):
    for title, badge in zip(titles(path), badges.badges(ADDRESS, path.name), strict=True):
        assert title == badges.stamped(title, badge), "python tools/badges.py writes them"
        assert title.splitlines()[2] == badge


def test_the_addresses_are_binders():
    english, chinese = badges.badges("https://github.com/owner/some.course", "05_project.ipynb")
    binder = "(https://mybinder.org/v2/gh/owner/some.course/main?urlpath=lab/tree/"
    assert english.endswith(f"{binder}chapters/05_project.ipynb)")
    assert chinese.endswith(f"{binder}build/zh/05_project.ipynb)")
    assert badges.binder("https://github.com/owner/some.course.git", "x") == badges.binder(
        "https://github.com/owner/some.course/", "x")
    with pytest.raises(SystemExit, match="OWNER/REPOSITORY"):
        badges.binder("https://example.org/owner/course", "x")


@pytest.fixture
def course(tmp_path):
    """A copy of the texts of two chapters, in a course that is published elsewhere."""
    (tmp_path / "chapters" / "zh").mkdir(parents=True)
    for path in NOTEBOOKS[:2]:
        shutil.copy(path, tmp_path / "chapters")
        shutil.copy(translate.page_of(path), tmp_path / "chapters" / "zh")
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nSource = "https://github.com/you/yours"\n')
    return tmp_path / "chapters"


def test_another_address_changes_the_badges_and_nothing_else(course, capsys):
    before = {path: path.read_text(encoding="utf-8") for path in course.rglob("*.*")}
    assert badges.main(course) == 0
    assert capsys.readouterr().out.count("gh/you/yours/main") == 2
    for path, old in before.items():
        changed = [pair for pair in zip(old.splitlines(), path.read_text(encoding="utf-8").splitlines(), strict=True)
                   if pair[0] != pair[1]]
        assert all("mybinder" in line or "cell: title" in line for pair in changed for line in pair)
        assert len(changed) == (1 if path.suffix == ".ipynb" else 2)
    for path in course.glob("*.ipynb"):
        assert not any(translate.differences(path).values())
    badges.main(course)
    assert capsys.readouterr().out == ""


def test_a_title_whose_chinese_is_behind_stays_marked(course):
    path = course / NOTEBOOKS[0].name
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nMore."
    nbformat.write(notebook, path)
    badges.main(course)
    assert translate.differences(path)["outdated"] == ["title"]


def test_the_built_notebook_shows_the_picture_too(tmp_path):
    built = translate.translated(NOTEBOOKS[0], chapters_folder().parent / "build" / "zh")
    (picture,) = re.findall(r"!\[[^\]]*\]\(([^)]*open_in_binder\.svg)\)", built.cells[0].source)
    assert picture == "../../chapters/images/open_in_binder.svg"
    assert badges.binder(ADDRESS, f"build/zh/{NOTEBOOKS[0].name}") in built.cells[0].source


def test_the_badge_is_legible():
    """WCAG's contrast of its words with its ground is 4.5 or more."""
    picture = (chapters_folder() / badges.PICTURE).read_text(encoding="utf-8")
    ground, *words = re.findall(r'fill="#(\w{6})"', picture)

    def light(colour: str) -> float:
        parts = [int(colour[place:place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert words and all((light(colour) + 0.05) / (light(ground) + 0.05) >= 4.5 for colour in words)
    assert "href" not in picture and "url(" not in picture
