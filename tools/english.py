#!/usr/bin/env python3
"""Find English in what executed Chinese notebooks show.

    python tools/english.py build/runs/<time>/*.ipynb

Texts are those of printed lines, tables, figures, alternative texts and the widgets' state. What may stay Latin is
listed in chapters/zh/latin.txt. Code is not searched: names with a dot, an underscore or a bracket, quoted words, and
the values of choices, which the page shows by their Chinese words.
"""
import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import nbformat

from labkit.settings import chapters_folder

LISTED = chapters_folder() / "zh" / "latin.txt"
FIGURE, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
REPEATED = {"summary"}              # of panels and explorers: their title, labels and values once more
OF_FIGURES = {"text", "name", "title", "x", "y", "labels", "ticktext", "customdata", "hovertext", "hovertemplate",
              "texttemplate", "label", "ticksuffix", "tickprefix"}      # keys of plotly whose value is read
NOT_READ = {"name", "kind", "state", "source", "values", "wish", "panel", "command", "goal",
            "arrays"}    # of widgets
MODELLED = {"tokens", "text", "rows", "names", "shown"}     # of panels and choices, in cells that are listed: data
OTHER = re.compile(r"(?:anywidget:|IPY_MODEL_)(\w+)")       # how a widget's state names another widget
CITED = re.compile(r"\bet al\.|arXiv:")         # a paper is named as it names itself
REFUSED = re.compile(r"不能用。可用的是")         # the values that code may have
WORD = re.compile(r"(?<![\w.\\/@-])[A-Za-z][a-z]+(?:['’][a-z]+)?(?![\w(=]|[.-]\w)")
CODE = re.compile(r"""`[^`]*`|'[^'\n]*'|"[^"\n]*"|<[^<>]*>|%?\{[^{}]*\}|\[[^\]\s]*\]|\w+ = [\w\s.()+*/,-]+|https?://\S+|\S+@\S+""")


class _Html(HTMLParser):
    """The texts of a page, without those inside of some elements."""

    def __init__(self, without: set[str]):
        super().__init__()
        self.texts, self._inside, self._without = [], "", without

    def handle_starttag(self, tag, attributes):
        self._inside = tag
        self.texts += [value for name, value in attributes if name in ("alt", "title", "aria-label") and value]

    def handle_data(self, data):
        if self._inside not in self._without and data.strip():
            self.texts.append(data.strip())


def of_html(page: str, cells: bool = True) -> list[str]:
    """What a reader of the page sees and hears, with or without what stands in the cells of its tables."""
    parser = _Html({"style", "script"} | (set() if cells else {"td"}))
    parser.feed(page)
    return parser.texts


def _of_figure(value, read: bool = False) -> Iterator[str]:
    if isinstance(value, str) and read:
        yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            if key != "template":
                yield from _of_figure(held, key in OF_FIGURES)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _of_figure(held, read)


def _of_widget(value, models: dict, modelled: bool, seen: set) -> Iterator[str]:
    """Texts in the state of a widget and of those that it refers to."""
    if isinstance(value, str):
        model = OTHER.fullmatch(value)
        if not model:
            yield value
        elif model[1] not in seen:
            seen.add(model[1])
            yield from _of_widget(models[model[1]]["state"], models, modelled, seen)
    elif isinstance(value, dict):
        for key, held in value.items():
            hidden = key in NOT_READ or key.startswith("_") or (key == "options" and "shown" in value)
            if (not hidden or OTHER.fullmatch(str(held))) and not (modelled and key in MODELLED | REPEATED):
                yield from _of_widget(held, models, modelled, seen)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _of_widget(held, models, modelled, seen)


def of_output(output, models: dict, modelled: bool = False) -> Iterator[str]:
    """The texts of one output; of a cell that is listed, without those that are data, code or a model's words."""
    if output.output_type == "stream":
        yield from () if modelled else output.text.splitlines()
    elif output.output_type == "error":
        yield output.evalue
    else:
        data = output.data
        if not modelled:        # the alternative text repeats title, labels and values
            yield output.metadata.get("image/png", {}).get("alt", "")
        if FIGURE in data:
            figure = data[FIGURE]
            yield from _of_figure({"data": figure["data"], "layout": figure["layout"]})
        elif WIDGET in data:
            yield data["text/plain"]
            yield from _of_widget("IPY_MODEL_" + data[WIDGET]["model_id"], models, modelled, set())
        elif "text/html" in data:
            yield from of_html(data["text/html"], cells=not modelled)
        else:
            yield from data.get("text/plain", "").splitlines()


@cache
def listed() -> tuple[re.Pattern, frozenset[str]]:
    """What may stay Latin: a pattern of words and phrases, and the cells (`01:prompt`) that show modelled text."""
    lines = [line.split("#")[0].strip() for line in LISTED.read_text(encoding="utf-8").splitlines()]
    cells = {line for line in lines if re.fullmatch(r"\d\d:[\w-]+", line)}
    phrases = sorted({line for line in lines if line} - cells, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, phrases))})(?![A-Za-z])"), frozenset(cells)


def english(text: str) -> list[str]:
    """The English words of a text that are neither code, nor a paper's name, nor listed."""
    if CITED.search(text) or REFUSED.search(text):
        return []
    return WORD.findall(listed()[0].sub(" ", CODE.sub(" ", text)))


def findings(path: Path) -> dict[str, list[str]]:
    """Cell id -> the texts of its outputs that have English words, each once."""
    notebook = nbformat.read(path, as_version=4)
    models = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    found = {}
    for cell in notebook.cells:
        modelled = f"{path.stem[:2]}:{cell.id}" in listed()[1]
        texts = [text for output in cell.get("outputs", []) for text in of_output(output, models, modelled)]
        if mine := [text for text in dict.fromkeys(texts) if english(text)]:
            found[cell.id] = mine
    return found


def main(paths: list[str]) -> int:
    """Print what is English, and return 1 if there is any."""
    count = 0
    for path in map(Path, paths):
        for cell, texts in findings(path).items():
            for text in texts:
                count += 1
                print(f"{path.stem[:2]}:{cell}: {text.strip()[:160]!r}: {' '.join(english(text))[:100]}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
