"""Chinese notebooks: built from the pages, told apart from English that has changed, never over a learner's work."""
import nbformat
import pytest

from labkit import cli, lint_zh, settings, translate
from labkit.settings import SettingError

ENGLISH = {"title": "# A chapter", "reading": "The loss falls. See [chapter 2](02_next.ipynb)."}
TERMS = ("| English | Chinese | first use | note |\n|---|---|---|---|\n| loss | 损失 | yes | |\n"
         "| test set | 测试集 | | |\n")


def page(**cells: str) -> str:
    return "<!-- a note -->\n\n" + "\n".join(
        f"<!-- cell: {cell}  english: {translate.digest(ENGLISH.get(cell, ''))} -->\n{text}\n"
        for cell, text in cells.items())


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """A checkout with one chapter and its complete Chinese page."""
    folder = tmp_path / "chapters"
    (folder / "zh").mkdir(parents=True)
    write(folder / "01_first.ipynb", ENGLISH)
    (folder / "zh" / "01_first.md").write_text(page(
        title="# 一章", reading="损失（loss）见[第2章](02_next.md)，图在[这里](../figure.png)。"), encoding="utf-8")
    (folder / "zh" / "terms.md").write_text(TERMS, encoding="utf-8")
    (folder / "figure.png").touch()
    monkeypatch.setattr(settings, "chapters_folder", lambda: folder)
    return folder


def write(path, texts: dict[str, str]) -> None:
    code = nbformat.v4.new_code_cell("print(1)", id="code", metadata={"tags": ["parameters"]}, execution_count=3,
                                     outputs=[nbformat.v4.new_output("stream", text="1\n")])
    words = [nbformat.v4.new_markdown_cell(text, id=cell) for cell, text in texts.items()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(metadata=kernel, cells=[*words, code])
    nbformat.write(notebook, path)


def read(path):
    return nbformat.read(path, as_version=4)


def test_the_build_has_chinese_text_the_same_code_and_links_that_work(chapters):
    (path,) = translate.build()
    assert path == chapters.parent / "build" / "zh" / "01_first.ipynb"
    built, source = read(path), read(chapters / "01_first.ipynb")
    assert built.cells[0].source == "# 一章"
    assert built.cells[1].source == "损失（loss）见[第2章](02_next.ipynb)，图在[这里](../../chapters/figure.png)。"
    assert [(cell.id, cell.cell_type, cell.metadata) for cell in built.cells] == [
        (cell.id, cell.cell_type, cell.metadata) for cell in source.cells]
    assert built.cells[2].source == "print(1)"
    assert built.cells[2].outputs == [] and built.cells[2].execution_count is None
    assert built.metadata.kernelspec == source.metadata.kernelspec


def test_missing_outdated_and_unknown_cells_are_listed_and_the_build_stays_whole(chapters, capsys):
    write(chapters / "01_first.ipynb", {"title": "# Another chapter", "reading": ENGLISH["reading"], "new": "More."})
    (chapters / "zh" / "01_first.md").write_text(page(title="# 一章", reading="", gone="没了"), encoding="utf-8")
    assert translate.differences(chapters / "01_first.ipynb") == {
        "missing": ["reading", "new"], "outdated": ["title"], "unknown": ["gone"]}
    assert translate.main(["--check"]) == 1
    assert f"<!-- cell: new  english: {translate.digest('More.')} -->" in capsys.readouterr().out
    (path,) = translate.build()
    assert [cell.source for cell in read(path).cells[:3]] == ["# 一章", ENGLISH["reading"], "More."]
    assert "cells whose English has changed since: title" in capsys.readouterr().out


def test_the_check_passes_only_a_page_that_is_complete_and_follows_the_terms(chapters, capsys):
    assert translate.main(["--check"]) == 0 and capsys.readouterr().out == ""
    text = chapters / "zh" / "01_first.md"
    text.write_text(text.read_text(encoding="utf-8").replace("损失（loss）", "误差"), encoding="utf-8")
    assert translate.main(["--check"]) == 1
    assert "reading: “loss” should be 损失" in capsys.readouterr().out


def test_update_renews_the_named_cells_and_no_others(chapters):
    write(chapters / "01_first.ipynb", {"title": "# New", "reading": "New."})
    notebook = chapters / "01_first.ipynb"
    before = (chapters / "zh" / "01_first.md").read_text(encoding="utf-8")
    assert translate.main(["--update", "01:title"]) == 0
    assert translate.differences(notebook)["outdated"] == ["reading"]
    assert translate.main(["--update", "1"]) == 0
    assert translate.differences(notebook)["outdated"] == []
    after = (chapters / "zh" / "01_first.md").read_text(encoding="utf-8")
    assert translate.MARKER.sub("", after) == translate.MARKER.sub("", before)


@pytest.mark.parametrize("arguments, said", [
    (["--update"], "the cells that were revised"),
    (["--update", "01:nowhere"], "cell = 'nowhere' cannot be used. Allowed: title, reading."),
    (["99"], "chapter = '99' cannot be used. Allowed: 01_first."),
    (["02"], "page = '02_next.md' cannot be used"),
])
def test_wrong_names_are_refused(chapters, capsys, arguments, said):
    if arguments == ["02"]:
        write(chapters / "02_next.ipynb", ENGLISH)
    assert cli.main(["translate", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("line", [
    "<!-- cell: title english -->", "<!-- cell: title  english: 3F2 -->",
    f"<!-- cell: reading  english: {translate.digest('x')} -->"])
def test_a_marker_that_cannot_be_read_or_comes_twice_is_named_with_its_line(chapters, line):
    text = chapters / "zh" / "01_first.md"
    text.write_text(text.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    number = len(text.read_text(encoding="utf-8").splitlines())
    with pytest.raises(SettingError, match=f"01_first.md:{number} = "):
        translate.read(text)


def test_a_chapter_without_chinese_stays_in_english_and_is_listed(chapters, capsys):
    write(chapters / "02_next.ipynb", ENGLISH)
    assert [path.name for path in translate.build()] == ["01_first.ipynb", "02_next.ipynb"]
    assert "02_next: there is no Chinese yet, so it stays in English" in capsys.readouterr().out
    assert translate.main(["--check"]) == 1
    assert "02_next: there is no page" in capsys.readouterr().out


def test_what_a_learner_wrote_is_left_alone_or_kept_beside_a_new_build(chapters, capsys):
    (path,) = translate.build()
    notebook = read(path)
    notebook.cells[2].source = "my_answer = 42"
    nbformat.write(notebook, path)
    translate.build()
    assert read(path).cells[2].source == "my_answer = 42"       # the course is the same
    write(chapters / "01_first.ipynb", {**ENGLISH, "new": "More."})
    translate.build()
    kept = path.with_name("01_first.yours-1.ipynb")
    assert len(read(path).cells) == 4 and read(kept).cells[2].source == "my_answer = 42"
    assert str(kept.name) in capsys.readouterr().out
    path.write_text('{"cells": [', encoding="utf-8")            # saved in part
    translate.build()
    assert len(read(path).cells) == 4 and path.with_name("01_first.yours-2.ipynb").exists()
    write(chapters / "01_first.ipynb", ENGLISH)
    translate.build()                                           # an unchanged one is simply replaced
    assert len(read(path).cells) == 3 and len(list(path.parent.iterdir())) == 3


@pytest.mark.parametrize("wrong", [
    "用 GPU训练", "用GPU 训练", "训练3 轮", "写出 `train` 来", "除以 $n$", "看[这里 now](x)", "第一步,第二步",
    "完成.", "（a)是", '叫"猫"', "共{count} 张"])
def test_style_finds(wrong):
    assert lint_zh.style(wrong)


@pytest.mark.parametrize("right", [
    "## 5.1 开发环境搭建", "用GPU训练3轮，除以$n$。", "写出`a (b), 中 c`来", "[见`x`](a b)", "1. 第一",
    "**练习5.1**（5分钟）", "```\n中 a, b\n```", "共{count}张", "约70 %"])
def test_style_lets_pass(right):
    assert lint_zh.style(right) == []


@pytest.mark.parametrize("english, chinese, wrong", [
    ("The losses fall.", "误差在降。", "“loss” should be 损失"),
    ("It falls.", "损失在降。", "损失 lacks （loss）"),
    ("`loss` falls.", "它在降。", ""),
    ("A lossless copy.", "无损拷贝。", ""),
    ("The loss falls.", "# 损失\n\n损失（loss）在降，损失还在降。", ""),
    ("The test set.", "测试集。", ""),
])
def test_terms_are_the_listed_ones_with_their_english_at_first_use(tmp_path, english, chinese, wrong):
    path = tmp_path / "terms.md"
    path.write_text(TERMS, encoding="utf-8")
    found = lint_zh.findings({"cell": (english, chinese)}, lint_zh.terms(path))
    assert bool(found) == bool(wrong) and all(wrong in line for line in found)


def test_every_chapter_has_its_chinese_in_the_notebooks_order():
    assert translate.check() == 0
    for notebook in settings.chapters_folder().glob("*.ipynb"):
        assert list(translate.read(translate.page_of(notebook))) == list(translate.english(notebook))
    pages = {path.stem for path in settings.chapters_folder().glob("zh/[0-9]*.md")}
    assert pages == {path.stem for path in settings.chapters_folder().glob("*.ipynb")}


def test_a_kernel_that_is_named_opens_the_notebooks(chapters):
    assert translate.main(["--kernel", "chinese"]) == 0
    built = read(chapters.parent / "build" / "zh" / "01_first.ipynb")
    assert built.metadata.kernelspec == {"name": "chinese", "display_name": "Python 3"}
    assert built.cells[2].source == "print(1)"
