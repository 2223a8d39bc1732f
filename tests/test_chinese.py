"""What a Chinese reader sees besides the text: outputs of executed notebooks, tables, pictures, the command line.

Two Chinese notebooks are executed here, as nbval-lax would, and searched for English; `make test-zh` takes all ten, and
`LABKIT_TEST_ZH="01 07"` those that are named.
"""
import os
import re
import warnings
from importlib import import_module

import english
import nbformat
import notebooks
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from labkit import cells, cli, faces, headless, settings, translate
from labkit.execution import ThisPython
from labkit.widgets import panels, panels_still

NAMED = os.environ.get("LABKIT_TEST_ZH", "04 09").split()
CHAPTERS = headless.find([] if NAMED == ["all"] else NAMED)


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("LABKIT_LANGUAGE", "zh")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chinese_notebook_runs_and_shows_no_english(chapter, chinese, tmp_path):
    """The same cells as in English, none of which raises; chapters/zh/latin.txt lists what may stay Latin."""
    path, = translate.build(tmp_path, names=[chapter.stem])
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, kernel_manager_class=ThisPython, timeout=None, store_widget_state=True,
                   resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(notebook, path)
    assert len(notebook.metadata.widgets[english.STATE].state) > 10
    assert english.findings(path) == {}


def output(kind, **data):
    return nbformat.v4.new_output(kind, **data)


FIGURE = {"data": [{"type": "bar", "name": "series name", "x": ["category here"], "hovertemplate": "hover %{y}"}],
          "layout": {"title": {"text": "figure title"}, "xaxis": {"title": {"text": "axis words"}, "type": "linear"},
                     "annotations": [{"text": "annotated text", "xanchor": "right"}],
                     "template": {"name": "unread one"}}}
STATE = {"view": {"state": {"state": "anywidget:a", "_esm": "unread code", "layout": "IPY_MODEL_c"}},
         "a": {"state": {"controls": [{"name": "hidden_name", "kind": "choice", "label": "control label",
                                       "options": ["a value"], "shown": ["shown option"]}],
                         "drawing": "anywidget:b", "state": "unread"}},
         "c": {"state": {"_model_name": "unread", "state": "unread too"}},
         "b": {"state": {"summary": "spoken summary", "tokens": ["modelled words"], "status": "a status"}}}


def executed(folder, *outputs, cell="cell-1"):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", id=cell, outputs=[*outputs])])
    notebook.metadata["widgets"] = {english.STATE: {"state": STATE}}
    path = folder / "01_first.ipynb"
    nbformat.write(notebook, path)
    return english.findings(path).get(cell, [])


def test_english_is_found_wherever_a_reader_meets_it(tmp_path, monkeypatch):
    shown = [
        output("stream", text="第一行\na printed line\n"),
        output("display_data", data={"text/html": "<style>unread</style><table><th>table header</th><td>cell text</td>"
                                     "</table>", "text/plain": "unread too"}),
        output("display_data", data={english.FIGURE: FIGURE, "text/plain": "unread"}),
        output("display_data", data={"image/png": "", "text/plain": "still copy"},
               metadata={"image/png": {"alt": "alternative text"}}),
        output("display_data", data={english.WIDGET: {"model_id": "view"}, "text/plain": "stand in"})]
    of_cell = ["control label", "shown option", "spoken summary", "modelled words", "a status"]
    assert set(executed(tmp_path, *shown)) == {
        "a printed line", "table header", "cell text", "series name", "category here", "hover %{y}", "figure title",
        "axis words", "annotated text", "alternative text", "still copy", "stand in", *of_cell}
    monkeypatch.setattr(english, "listed", lambda: (re.compile("(?!)"), frozenset({"01:cell-1"})))
    assert set(executed(tmp_path, *shown)) == {
        "table header", "series name", "category here", "hover %{y}", "figure title", "axis words", "annotated text",
        "still copy", "stand in", "control label", "a status"}


@pytest.mark.parametrize("text", [
    "准确率82 %", "CNN在GPU上", "GPT-3 175B", "fashion-mnist", "`accuracy`列", "{'train': 2000}", "model.fit(x)",
    "churn = min(1, errors)", "从https://arxiv.org/abs来", "Adam的学习率", "softmax，logits",
    "Vaswani et al. 2017, table 2", "kind = 'casino'不能用。可用的是：fuel, travel。"])
def test_names_code_and_citations_may_stay(text):
    assert english.english(text) == []


@pytest.mark.parametrize("text, words", [
    ("准确率 of all", ["of", "all"]), ("Loss", ["Loss"]), ("Adams", ["Adams"]), ("图1: the model’s answer", [
        "the", "model’s", "answer"]), ("batch size", ["batch", "size"])])
def test_other_words_are_english(text, words):
    assert english.english(text) == words


FRAME = pd.DataFrame({"accuracy": [0.5, 0.25], "kind": ["loss", "not in it"]}, pd.Index(["train loss", 3], name="step"))


def test_tables_are_translated_as_they_are_shown_and_stay_english_for_code(chinese, monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    cells.show_in_words()
    shown = shell.display_formatter.format(FRAME)[0]
    assert english.of_html(shown["text/html"]) == [
        "准确率", "类型", "步", "训练损失", "0.50", "损失", "3", "0.25", "not in it"]
    assert shown["text/plain"].split() == [
        "准确率", "类型", "步", "训练损失", "0.50", "损失", "3", "0.25", "not", "in", "it"]
    assert list(FRAME.columns) == ["accuracy", "kind"] and FRAME.loc[3, "kind"] == "not in it"
    series = shell.display_formatter.format(FRAME["accuracy"])[0]["text/plain"]
    assert series.split() == ["准确率", "步", "训练损失", "0.50", "3", "0.25"]
    assert shell.display_formatter.format(FRAME.iloc[:0])[0]["text/plain"].split()[-1] == "[]"


def test_a_table_panel_shows_chinese_and_keeps_its_words(chinese):
    panel = panels.table([["train loss", 0.5], ["not in it", "accuracy"]], ["step", ""])
    assert panel.describe()["rows"] == [["训练损失", "0.5"], ["not in it", "准确率"]]
    assert panel.settings["rows"] == [["train loss", "0.5"], ["not in it", "accuracy"]]


def test_printed_sentences_are_translated_and_single_words_are_not(chinese, monkeypatch, capsys):
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    cells.show_in_words()
    shell.user_ns["print"]("train loss", "accuracy", 3, {"train loss": 1}, FRAME["accuracy"], sep="|", end="")
    said = capsys.readouterr().out.split("|")
    assert said[:4] == ["训练损失", "accuracy", "3", "{'train loss': 1}"] and said[4].split()[0] == "准确率"


def test_in_english_nothing_is_changed(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    cells.show_in_words()
    assert "print" not in shell.user_ns and cells.written(FRAME) == repr(FRAME)
    assert shell.display_formatter.format(FRAME)[0]["text/plain"] == repr(FRAME)


WITHOUT = pytest.mark.skipif(not faces.chinese(), reason="no Chinese typeface on this computer")


@WITHOUT
def test_pictures_have_every_chinese_character(chinese):
    """Matplotlib warns of a character that no face has, and draws an empty box."""
    drawn = panels.lines([1, 2], {"train loss": [1, 2], "☐ ✓ 🙂": [2, 1]}, x="step", y="accuracy", title="训练损失")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with_chinese = panels_still.picture([[drawn]], ["说明"], "标题：骨、直、角")
    assert faces.drawable("说明：骨☐✓") == "说明：骨☐✓" and faces.drawable("🙂", "□") == "□"
    assert with_chinese.startswith(b"\x89PNG")


@pytest.mark.parametrize("language, installed, lines", [("en", False, 0), ("zh", True, 1), ("zh", False, 1)])
def test_doctor_says_in_chinese_whether_there_is_a_chinese_face(language, installed, lines, monkeypatch, capsys):
    monkeypatch.setenv("LABKIT_LANGUAGE", language)
    doctor = import_module("labkit.doctor")
    monkeypatch.setattr(doctor, "CHECKS", ())
    monkeypatch.setattr(faces, "get_font_names", lambda: ["SimHei"] if installed else ["DejaVu Sans"])
    assert doctor.report(online=False) == (language == "en" or installed)
    said = capsys.readouterr().out
    assert said.count("中文字体") == lines + (language == "zh" and not installed)
    assert ("fonts-noto-cjk" in said) == (language == "zh" and not installed)


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in cli.COMMANDS if name != "lab"), []])
def test_the_command_line_speaks_chinese(arguments, chinese, capsys):
    with pytest.raises(SystemExit):
        cli.main(arguments)
    said = capsys.readouterr()
    text = re.sub(r"[A-Z]{2,}\S*|[\w-]+=\S*|-{1,2}[\w-]+|\{.*?\}", " ", said.out + said.err)
    for name in (*cli.COMMANDS, *settings.PROFILES, "labkit", "parameters", "dask", "nbgrader", "otter", "en", "zh"):
        text = re.sub(rf"(?<!\w){name}(?!\w)", " ", text, flags=re.ASCII)
    assert "用法：" in text and english.english(text) == []


def test_run_in_chinese_executes_the_chinese_notebooks(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "chapters"
    notebooks.write(folder / "05_project.ipynb", "from labkit.language import _\nprint(_('train loss'), seed)")
    (folder / "zh").mkdir()
    (folder / "zh" / "05_project.md").write_text(
        f"<!-- cell: cell-1  english: {translate.digest('# A chapter')} -->\n# 一章\n", encoding="utf-8")
    monkeypatch.setattr(settings, "chapters_folder", lambda: folder)
    assert cli.main(["run", "05", "--language", "zh", "-p", "seed", "3"]) == 0
    written, = (tmp_path / "build" / "runs").glob("*/05_project.ipynb")
    assert nbformat.read(written, as_version=4).cells[0].source == "# 一章"
    assert notebooks.printed(written) == "训练损失 3\n"
    said = capsys.readouterr().out
    assert re.search(r"章\s+秒\s+内存峰值", said) and "通过" in said
    assert cli.main(["run", "--language", "fr"]) == 2
    assert "fr" in capsys.readouterr().err
