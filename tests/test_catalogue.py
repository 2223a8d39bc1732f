"""The Chinese catalogue has every message, translated, with the same placeholders.

`python tools/catalogue.py` refreshes it: it adds new messages, drops those that are gone, keeps translations, and
lists what is left to translate in labkit/locale/zh/LC_MESSAGES/labkit.po.
"""
import re
import string

import catalogue
import nbformat
import pytest

from labkit import faces, figures, language, lint_zh
from labkit.language import _
from labkit.widgets import curve
from labkit.widgets.trace import Trace

REFRESH = "python tools/catalogue.py refreshes the catalogue"
TRANSLATIONS = {message.id: message.string for message in catalogue.read() if message.id}


def placeholders(message: str) -> list[tuple]:
    return sorted(field[1:] for field in string.Formatter().parse(message) if field[1] is not None)


def wrong(message: str, chinese: str) -> list[str]:
    """What is wrong with a translation."""
    faults = [] if chinese.strip() else ["it is empty"]
    if placeholders(message) != placeholders(chinese):
        faults.append(f"placeholders {placeholders(chinese)}, not {placeholders(message)}")
    calls_and_shapes = r"[\w.]*\([^()\u4e00-\u9fff]*\)"
    return faults + lint_zh.style(re.sub(calls_and_shapes, "X", chinese))


def test_the_catalogue_has_every_message_and_no_other():
    assert set(TRANSLATIONS) == set(catalogue.messages()), REFRESH


def test_every_translation_is_whole():
    assert {message: faults for message, chinese in TRANSLATIONS.items() if (faults := wrong(message, chinese))} == {}


@pytest.mark.parametrize("message, chinese", [
    ("step {step}", ""), ("step {step}", "第步"), ("{loss:.3f}", "{loss:.2f}"), ("{a}", "{b}"), ("a GPU", "一块 GPU"),
    ("no, none", "没有,一个也没有")])
def test_a_wrong_translation_is_found(message, chinese):
    assert wrong(message, chinese)


def test_the_order_of_placeholders_is_free():
    assert wrong("{count} of {total}", "共{total}个，有{count}个") == []


def test_names_that_data_sets_and_tables_hold_are_extracted():
    assert {("Coat", "labkit/data/images.py"), ("negative", "labkit/data/text.py"),
            ("mixture of experts", "labkit/data/bundled/large-models.csv"),
            ("float32 copy", "labkit/economics/scale.py")} <= set(catalogue.of_labkit())


CELL = '''
guess = lk.guess("How many?", ["all 16", "0", f"{n} or so"])
guess.reveal("measured")
curves = {"one": 1, key: 2}
lk.figures.lines(xs, curves, x="steps", title="Two curves", form=".1%")
record["seeds"] = lk.claims.recorded("05")
lab = lk.LiveLab(train, title="A lab", rate_of_decay=lk.Log(1, 2, 1, help="how fast"), width=lk.Int(1, 2, 1))
report(step, train_loss=1)
'''


def test_the_literals_of_a_cell_that_labkit_shows_are_extracted():
    assert set(catalogue.of_cell(CELL)) == {"How many?", "all 16", "{0} or so", "one", "steps", "Two curves", "A lab",
                                            "rate of decay", "how fast", "width", "train loss"}
    assert list(catalogue.of_cell('names = {"one": 1}\nprint("two", names, sep="x")')) == []


DRAWN = '''
def draw(p):
    tokens = ["the", "cat"]
    return {"the_curve": lk.panels.lines(xs, {"tanh": ys}, x="input"),
            "words": lk.panels.tokens(tokens, values, "Tokens"),
            "sums": lk.panels.table([["a", 1]], ["layer", "sum of"]), "said": lk.panels.text("not this", "Said")}
lk.Explorer(draw, "A neuron", slope_of_it=lk.Float(0, 1, 0, unit="per step"), words=lk.Text("nor this"),
            kernel=lk.Matrix([[1]]), start=lk.Point((0, 0), panel="not this one")).show()
'''


def test_the_literals_of_explorers_steps_panels_and_films_are_extracted():
    assert set(catalogue.of_cell(DRAWN)) == {
        "the curve", "tanh", "input", "words", "Tokens", "sums", "a", "layer", "sum of", "said", "Said", "A neuron",
        "slope of it", "per step", "kernel", "start"}
    steps = 'lk.Steps({"Load it": load, "Infer": infer}, title="Inference").show()'
    assert set(catalogue.of_cell(steps)) == {"Load it", "Infer", "Inference"}
    film = 'film = lk.Film(9, title="Heads")\nfilm.add(1, first_head=panel, **others)\nnumbers.add(1, x=2)'
    assert set(catalogue.of_cell(film)) == {"Heads", "first head"}
    assert set(catalogue.of_cell('lk.panels.table([["rent"]], header=["days", "cost"])')) == {"days", "cost", "rent"}
    assert set(catalogue.of_cell('lk.AttentionMap(model, "typed text", title="A map")')) == {"A map"}


TABLE = """<table class="dataframe"><tr><th>gap</th><th>GPU 4</th></tr>
<tr><th>GPT-3</th><td>a note</td><td>of 2</td></tr></table>"""


def test_choices_printed_sentences_and_labels_of_tables_are_extracted():
    assert set(catalogue.of_cell('lk.Explorer(draw, way=lk.Choice("as it is", 3, *more))')) == {"as it is", "way"}
    assert set(catalogue.of_cell('print(f"{a:.1f} of {b} heads", "one", "two words")')) == {
        "{0:.1f} of {1} heads", "two words"}
    series = 'pd.Series({"a mean": 1, "GPT-3": 2, **{f"pass {n}": n for n in x}}, name="the score")'
    assert set(catalogue.of_cell(series)) == {"a mean", "pass {0}", "the score"}
    cell = nbformat.v4.new_code_cell('"of 2"', outputs=[
        nbformat.v4.new_output("execute_result", {"text/html": TABLE, "text/plain": "never  mind"})])
    assert list(catalogue.of_outputs(cell)) == ["gap", "a note", "of 2"]
    cell.source = ""
    assert list(catalogue.of_outputs(cell)) == ["gap", "a note"]
    cell.outputs = [nbformat.v4.new_output("execute_result", {
        "text/plain": "a mean    3\nof  4\nDone\nName: it, dtype: x"})]
    assert list(catalogue.of_outputs(cell)) == ["a mean", "of"]


def test_names_that_code_makes_are_extracted_by_their_form():
    film = 'film.add(1, **{f"layer_{i}": lk.snapshots.heads(w) for i, w in enumerate(weights)}, **others)'
    assert set(catalogue.of_cell(film)) == {"layer {0}"}
    rows = 'rows = [["least", f"{x:.2f}"], [name, 3]]\nnames = ["never"]\nlk.panels.table(rows, [line, ""])'
    assert set(catalogue.of_cell(rows)) == {"least"}


def test_refreshing_keeps_translations_adds_what_is_new_and_drops_what_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "PO", tmp_path / "labkit.po")
    monkeypatch.setattr(catalogue, "messages", lambda: {"kept {n}": {"a.py"}, "gone": {"a.py"}})
    assert catalogue.refresh() == ["kept {n}", "gone"]
    text = catalogue.PO.read_text(encoding="utf-8")
    catalogue.PO.write_text(text.replace('msgid "kept {n}"\nmsgstr ""', 'msgid "kept {n}"\nmsgstr "留下{n}"'),
                            encoding="utf-8")
    monkeypatch.setattr(catalogue, "messages", lambda: {"new": {"b.py"}, "kept {n}": {"b.py"}})
    assert catalogue.refresh() == ["new"]
    have = {message.id: message.string for message in catalogue.read() if message.id}
    assert have == {"kept {n}": "留下{n}", "new": ""}


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("LABKIT_LANGUAGE", "zh")


def test_messages_are_chinese_where_asked_for_and_unknown_ones_stay(chinese):
    assert _("Stop") == "停止" and _("no such message") == "no such message" and _("") == ""


def test_an_entry_with_places_translates_what_an_f_string_makes_of_it():
    forms = language._Forms({"{0} of {1} heads": "{1}个头里的{0}个", "plain": "普通", "not {this}": "不是{this}"})
    assert forms.gettext("4 of 8 heads") == "8个头里的4个"
    assert [forms.gettext(text) for text in ("4 heads", " of 8 heads", "plain", "not it")] == [
        "4 heads", " of 8 heads", "plain", "not it"]


def test_a_place_with_a_format_takes_numbers_only_and_the_fuller_form_wins():
    forms = language._Forms({"{0:,} of {1:.1%}": "{1:.1%}里的{0:,}", "{0} heads": "{0}个头",
                             "all {0} heads": "全部{0}个头"})
    assert forms.gettext("-1,200 of 12.5%") == "12.5%里的-1,200" and forms.gettext("1e-05 of 3") == "3里的1e-05"
    assert forms.gettext("most of 3") == "most of 3" and forms.gettext("all 4 heads") == "全部4个头"


def test_what_stands_in_a_place_is_translated_too(chinese):
    assert language._Forms({"{0} heads": "{0}个头"}).gettext("Stop heads") == "停止个头"


def test_figures_show_the_names_they_are_given_in_chinese(chinese):
    bars = figures.bars({"small images first": [0.1]}, y="test accuracy", reference={"printed": 0.2}).layout
    assert bars.xaxis.ticktext == ("先看小图",) and bars.yaxis.title.text == "测试准确率"
    assert bars.annotations[0].text == "原文打印的数"
    lines = figures.lines([1], {"train loss": [1]}, x="step", title="A small network")
    assert lines.layout.title.text == "一个小网络" and lines.layout.xaxis.title.text == "步"
    assert lines.data[0].name == "训练损失"
    assert figures.confusion_matrix([[1]], ["Coat"]).data[0].x == ("外套",)


@pytest.mark.parametrize("installed", [True, False])
def test_the_still_copy_has_chinese_only_where_a_face_can_draw_it(chinese, monkeypatch, installed):
    drawn = []
    monkeypatch.setattr(faces, "get_font_names", lambda: ["SimHei"] if installed else ["DejaVu Sans"])
    monkeypatch.setattr(curve, "picture", lambda figure: drawn.extend(figure.findobj(curve.Text)))
    trace = Trace(1, {}, 0, 10)
    trace.add(1, {"train_loss": 2.0})
    trace.add(2, {"train_loss": 1.0})
    curve.still_picture([trace], ["#1 · 学习率0.1"], "一个小网络")
    texts = [text.get_text() for text in drawn]
    assert any(re.search("[\u4e00-\u9fff]", text) for text in texts) == installed
    assert set(["#1 · 学习率0.1", "步", "损失"] if installed else ["#1", "step", "loss"]) <= set(texts)
    assert all(("SimHei" in text.get_fontfamily()) == installed for text in drawn)
