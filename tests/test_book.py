"""The web edition, without a browser: what is stored for it, and what its pages are made of."""
import base64
import importlib
import pkgutil
import re

import nbformat
import notebooks
import numpy as np
import pytest

from book import api, outputs, pages, shared, tables
from book.extension import SearchChinese, mathml
from book.words import WORDS
from labkit import settings, stored, translate, web, widgets
from labkit.headless import find
from labkit.widgets.still import LiveWidget

CHAPTERS = settings.chapters_folder()
CELLS = (
    "import labkit as lk\nimport numpy as np\nfilm = lk.Film(total=1, title='Contact sheet')\nfor step in (0, 1):\n"
    "    film.add(step, noise=lk.panels.image(np.full((2, 3), step / 2)))\nfilm.show()\nprint('shown')",
    "guessed = lk.guess('How many?', ['one', 'two'])",
    "lk.Explorer(lambda p: {'curve': lk.panels.lines([0, 1], {'y': [0, p.x]})}, x=lk.Float(0, 1, 0.5)).show()",
    "import plotly.graph_objects as go\nstep = [1, 2]\n"
    "go.Figure(go.Scatter(x=step, y=step, name='</script>')).show('plotly_mimetype')",
)
FILM, GUESS, EXPLORER, FIGURE = (f"cell-{number}" for number in (3, 4, 5, 6))
WORDLESS = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "nats"}}}


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """A chapter with a film, a question, an explorer and a figure, stored in both languages."""
    root = tmp_path_factory.mktemp("course")
    path = notebooks.write(root / "chapters" / "01_first.ipynb", *CELLS)
    page = translate.page_of(path)
    page.parent.mkdir()
    page.write_text(f"<!-- cell: cell-1  english: {translate.digest('# A chapter')} -->\n# 一章\n", encoding="utf-8")
    (path.parent / "images").mkdir()
    (root / "pyproject.toml").write_text('[project.urls]\nSource = "https://github.com/owner/course"\n')
    assert stored.store(folder=path.parent) == 0
    return path


def states(chapter, language):
    return web.read(web.file_of(chapter, language))


def shown(chapter, language, folder):
    """The outputs of each cell of a page, joined."""
    page = pages.page(language, chapter, "https://binder", folder, "data")
    return page, {cell.id: "".join(output.get("data", {}).get("text/html", output.get("text", ""))
                                   for output in cell.get("outputs", [])) for cell in page.cells}


def test_widgets_that_live_alone_are_stored_by_cell_and_place(chapter):
    kept = states(chapter, "en")["widgets"]
    assert {cell: list(places) for cell, places in kept.items()} == {FILM: ["0"], GUESS: ["0"]}
    film = kept[FILM]["0"]
    assert film["class"] == "labkit.widgets.film.FilmView"
    (model,) = film["models"]
    assert set(model["state"]) == {"labels", "captions", "moments", "buffers"}
    assert [path for path, _data in model["buffers"]] == [["buffers", 0], ["buffers", 1]]
    assert [base64.b64decode(data) for _path, data in model["buffers"]][0] == bytes(6)
    assert kept[GUESS]["0"]["models"][0]["state"]["options"] == ["one", "two"]


def test_the_same_notebook_stores_the_same_states(chapter):
    assert stored.execute(chapter)[1] == states(chapter, "en")


def test_a_model_that_another_refers_to_is_numbered():
    saved = {"ab": {"state": {"data": "anywidget:cd", "_esm": "no"}},
             "cd": {"state": {"size": 1}, "buffers": [{"path": ["bytes"], "data": "AA==", "encoding": "base64"}]},
             "view": {"state": {"state": "anywidget:ab"}}}
    output = nbformat.v4.new_output(
        "display_data", data={web.LIVE_VIEW: {"model_id": "view"}},
        metadata={"labkit": {"widget": "labkit.widgets.attention.AttentionMap"}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", id="map", outputs=[output])],
                                        metadata={"widgets": {web.STATES: {"state": saved}}})
    assert web.widgets(notebook)["map"]["0"]["models"] == [
        {"state": {"data": "anywidget:1"}, "buffers": []}, {"state": {"size": 1}, "buffers": [[["bytes"], "AA=="]]}]


def test_the_chinese_file_keeps_outputs_without_pictures_of_what_lives(chapter):
    kept = states(chapter, "zh")["outputs"]
    kinds = {cell: [set(output.get("data", {"text": 0})) for output in outs] for cell, outs in kept.items()}
    assert kinds[FILM] == [{"text/plain"}, {"text/plain"}, {"text"}]
    assert kinds[EXPLORER][1] == {"text/plain", "image/png"}
    assert kinds[FIGURE] == [{web.PLOTLY}]
    assert "没有运行" not in str(kept) and "○ one" in kept[GUESS][1]["data"]["text/plain"]


@pytest.mark.parametrize("language", WORDS)
def test_a_page_has_widgets_figures_and_notes(chapter, tmp_path, language):
    page, cells = shown(chapter, language, tmp_path)
    assert page.cells[0].source == {"en": "# A chapter", "zh": "# 一章"}[language]
    assert 'data-view="labkit.widgets.film.FilmView"' in cells[FILM] and cells[FILM].endswith("shown\n")
    assert "<img" not in cells[FILM] and "○" not in cells[GUESS]
    assert (tmp_path / "01-cell-3-0.js").read_text(encoding="utf-8").startswith('labkitBook.states["cell-3-0"] = [')
    note, still = cells[EXPLORER].split("</p>")
    assert 'href="https://binder"' in note and WORDS[language]["kernel"] in note
    assert re.search(r'<img src="data/01-\w+\.png" alt="[^"]+" width="\d+" height="\d+"', still)
    assert cells[FIGURE].count("</script>") == 1 and r"<\/script>" in cells[FIGURE]
    assert f"<summary>{WORDS[language]['table']}</summary>" in cells[FIGURE]


def test_a_page_is_refused_where_the_code_has_changed_since(chapter, tmp_path):
    notebook = nbformat.read(chapter, as_version=4)
    notebook.cells[-1].source += "  # changed"
    folder = tmp_path / "chapters"
    folder.mkdir()
    (folder / "web").symlink_to(web.folder_of(chapter))
    nbformat.write(notebook, folder / chapter.name)
    with pytest.raises(pages.OutOfStep, match=r"01\.json\.gz is out of step with 01_first\.ipynb"):
        pages.page("en", folder / chapter.name, "https://binder", tmp_path / "data", "data")


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("path", find(), ids=lambda path: path.stem)
def test_what_is_stored_of_a_chapter_is_in_step_with_its_code(path, language):
    kept = web.read(web.file_of(path, language))
    assert kept["code"] == web.code(nbformat.read(path, as_version=4)), f"labkit notebooks {path.stem[:2]}"


def test_all_that_is_stored_is_small():
    assert sum(file.stat().st_size for file in (CHAPTERS / "web").iterdir()) < 8e6


def test_a_picture_of_a_chart_takes_the_place_of_its_mermaid():
    chart = "Before\n\n```mermaid\ngraph LR\n  A --> B\n```\n\n<details><summary>As a picture</summary>\n\n" \
            "![Two boxes](images/two.png)\n\n</details>\n\nAfter"
    assert pages.CHART.sub(r"\1", chart) == "Before\n\n![Two boxes](images/two.png)\n\nAfter"
    sources = [cell.source for path in find() for cell in nbformat.read(path, as_version=4).cells]
    assert not any("```mermaid" in pages.CHART.sub(r"\1", source) for source in sources)


def trace(name, ys, xs=(0, 1, 2), **more):
    return {"type": "scatter", "name": name, "x": list(xs), "y": ys, **more}


def test_a_figure_is_said_in_words():
    figure = {"data": [trace("training", [1]), trace("vali<br>dation", [1])],
              "layout": {**WORDLESS, "legend": {"title": {"text": "Loss"}}}}
    assert outputs.alt_text(figure, WORDS["en"]) == "Chart: Loss. x: step; y: nats. Series: training, vali dation."
    assert outputs.alt_text(figure, WORDS["zh"]) == "图表: Loss。横轴：step；纵轴：nats。系列：training、vali dation。"
    assert outputs.alt_text({"data": [{"type": "splom"}], "layout": {}}, WORDS["en"]) == "Figure."


def cells_of(text: str) -> list[list[str]]:
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]


def test_a_figure_has_its_numbers_as_a_table():
    packed = {"dtype": "f4", "bdata": base64.b64encode(np.array([3.5, np.nan, 2.25], "f4").tobytes()).decode()}
    same = {"data": [trace("a<c", [3.0, 2.0, 1.0]), trace("two", packed)], "layout": WORDLESS}
    assert cells_of(tables.table(same, WORDS["en"])) == [
        ["step", "a&lt;c", "two"], ["0", "3", "3.5"], ["1", "2", "–"], ["2", "1", "2.25"]]
    apart = {"data": [trace("one", [3, 4], (0, 1)), trace("two", [5], (0.5,))],
             "layout": {"xaxis": {"tickvals": [0, 1], "ticktext": ["no", "yes"]}}}
    assert cells_of(tables.table(apart, WORDS["en"])) == [
        ["series", "x", "y"], ["one", "no", "3"], ["one", "yes", "4"], ["two", "0.5", "5"]]
    long = {"data": [trace("", list(range(100)), range(100))], "layout": {}}
    rows = cells_of(tables.table(long, WORDS["en"]))
    assert len(rows) <= tables.MOST + 1 and rows[-1] == ["99", "99"]
    assert tables.table({"data": [{"type": "surface", "z": [[1]]}], "layout": {}}, WORDS["en"]) == ""


def test_each_view_that_needs_no_kernel_is_bundled():
    for module in pkgutil.iter_modules(widgets.__path__):
        importlib.import_module(f"labkit.widgets.{module.name}")
    alone = {f"{kind.__module__}.{kind.__name__}" for kind in LiveWidget.__subclasses__()
             if not kind.needs_kernel and kind.__module__.startswith("labkit.")}
    assert alone == set(shared.VIEWS)
    for view in shared.VIEWS:
        assert "export " not in shared.script(view) and "return live(render);" in shared.script(view)


def test_formulas_are_mathml_and_brackets_grow():
    assert "<mfrac>" in mathml(r"\frac{a}{b}", block=False)
    grown = mathml(r"\Big(\frac{a}{b}\Big)", block=True)
    assert 'display="block"' in grown and "stretchy" not in grown


def test_the_search_index_has_pairs_of_chinese_characters():
    search = SearchChinese({})
    assert search.split("注意力，attention") == ["注意", "意力", "attention"]
    assert search.word_filter("注意") and not search.word_filter("a")


def test_every_public_module_has_its_page(tmp_path):
    api.write(tmp_path / "api")
    written = "".join(page.read_text() for page in (tmp_path / "api").iterdir())
    names = set(re.findall(r"automodule:: (\S+)", written))
    files = {".".join(["labkit", *path.relative_to(api.PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
             for path in api.PACKAGE.rglob("*.py")}
    private = {name for name in files if "._" in name or name.startswith(api.PROGRAMS)}
    assert names == files - private and "labkit.training.run" in names


def test_docstrings_become_restructured_text():
    text = ["Train it.", "", "    fit(run)", "", "step      of *all*", "          steps", "", "See `Run` and x_y_:",
            "- one", "- two"]
    assert api.restructured(text) == [
        "Train it.", "", "::", "", "        fit(run)", "    ", "    step      of *all*", "              steps", "",
        r"See \ ``Run``\  and x\_y\_:", "", "- one", "- two", ""]
