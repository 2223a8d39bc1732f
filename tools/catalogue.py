#!/usr/bin/env python3
"""Refresh labkit/locale/zh/LC_MESSAGES/labkit.po: new messages are added empty, messages that are gone are dropped.

    python tools/catalogue.py
    python tools/catalogue.py --check       # says what it lacks, and writes nothing

Messages are what labkit passes to `_`, the texts of claims' rules, the class names of data sets, the kinds of large
models, the parts of their memory, the questions of the self-test, the tasks and metrics of recorded products, and what
labkit shows of the literals in notebooks: guesses, titles, axis labels, names of curves, panels, steps and controls.
"""
import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from labkit import questions
from labkit.claims import recorded
from labkit.data import large_models
from labkit.data.images import FASHION_MNIST_CLASSES
from labkit.data.text import REVIEW_CLASSES
from labkit.economics import training_memory
from labkit.economics.configuration import PRESETS
from labkit.language import LOCALE
from labkit.settings import chapters_folder
from labkit.widgets.controls import Control

PO = LOCALE / "zh" / "LC_MESSAGES" / "labkit.po"
KEYWORDS = {"_": None, "words": None, "rule": (2,)}
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HEADER = """# Chinese messages of labkit, written by tools/catalogue.py, which keeps the translations.
msgid ""
msgstr ""
"Language: zh\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
TEXTS = ("title", "x", "y", "z", "label", "unit", "help")       # keywords whose value is shown
TITLES = {"lk.Explorer": 1, "lk.Steps": 1, "lk.panels.text": 1, "lk.panels.tokens": 2, "lk.panels.table": 2}
CONTROLS = tuple(f"lk.{kind}(" for kind in ("Log", "Int", "Float", "Choice", "Toggle", "Text", "Matrix", "Point"))


def of_labkit() -> Iterator[tuple[str, str]]:
    """Each message of labkit's modules and the file that it is in."""
    for path, _line, message, *_rest in extract_from_dir(LOCALE.parent, [("**.py", "python")], keywords=KEYWORDS):
        yield message, f"labkit/{path}"
    names = {"images.py": FASHION_MNIST_CLASSES + CIFAR10_CLASSES, "text.py": REVIEW_CLASSES,
             "bundled/large-models.csv": large_models()["kind"].unique()}
    yield from ((name, f"labkit/data/{path}") for path, held in names.items() for name in held)
    yield from ((part, "labkit/economics/scale.py") for part in training_memory(1))
    model = PRESETS["GPT-3 175B"].configuration
    for parts in (model.parts(), model.forward_flops(), model.training_memory(), model.answering_memory()):
        yield from ((part, "labkit/economics/configuration.py") for part in parts)
    for question in questions.bank():
        texts = (question.text, *question.options, question.why)
        yield from ((text, "labkit/data/bundled/questions.json") for text in texts if any(map(str.isalpha, text)))
    for run in recorded("06")["runs"]:
        if run["part"] == "outcome":
            yield from ((run[name], "chapters/recorded/06.json") for name in ("task", "metric"))


def of_cell(source: str) -> Iterator[str]:
    """The literals of a code cell that labkit shows; those without a letter need no translation."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    shown: list[ast.AST] = []
    for call in calls:
        function = ast.unparse(call.func)
        if function == "lk.guess":
            shown += [node for argument in call.args for node in ast.walk(argument)]
        if function.startswith("lk."):
            shown += [keyword.value for keyword in call.keywords if keyword.arg in TEXTS]
        if function in TITLES:
            shown += call.args[TITLES[function]:TITLES[function] + 1]
        if function in ("lk.LiveLab", "lk.Explorer"):
            for keyword in call.keywords:
                if ast.unparse(keyword.value).startswith(CONTROLS):
                    yield Control().describe(keyword.arg)["label"]
        if function == "lk.panels.table":
            headers = call.args[1:2] + [keyword.value for keyword in call.keywords if keyword.arg == "header"]
            shown += [node for header in headers for node in ast.walk(header)]
        if function == "report" or function.endswith("film.add"):
            yield from (keyword.arg.replace("_", " ") for keyword in call.keywords if keyword.arg)
    figures = any(name.startswith("lk.figures.") for name in names)     # curves and bars are named by dicts and lists
    dicts = figures or any(name.startswith(("lk.panels.", "lk.Steps")) for name in names)
    for node in ast.walk(tree):
        if dicts and isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and ast.unparse(value).startswith(("lk.panels.", "lk.snapshots.")):
                    yield str(key.value).replace("_", " ")      # a panel without a title is headed by its name
                else:
                    shown.append(key)
        if figures and isinstance(node, ast.Tuple | ast.List):
            shown += node.elts
    for node in shown:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and any(map(str.isalpha, node.value)):
            yield node.value


def messages(chapters: Path | None = None) -> dict[str, set[str]]:
    """Every message that a learner can be shown, and the files that it is in."""
    found: dict[str, set[str]] = {}
    for message, path in of_labkit():
        found.setdefault(message, set()).add(path)
    for notebook in sorted((chapters or chapters_folder()).glob("*.ipynb")):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code":
                for message in of_cell(cell.source):
                    found.setdefault(message, set()).add(f"chapters/{notebook.name}")
    return found


def read() -> Catalog:
    """The catalogue as it stands."""
    with PO.open(encoding="utf-8") as file:
        return read_po(file, locale="zh")


def refresh() -> list[str]:
    """Write the catalogue anew, with the translations that it has; return the messages that lack one."""
    have = {message.id: message.string for message in read()} if PO.exists() else {}
    catalogue = Catalog(locale="zh")
    for message, files in sorted(messages().items(), key=lambda item: (min(item[1]), item[0])):
        catalogue.add(message, have.get(message, ""), locations=[(file, None) for file in sorted(files)])
    with PO.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalogue, width=110, omit_header=True, include_lineno=False)
    return [message for message in messages() if not have.get(message)]


def missing() -> list[str]:
    """What the catalogue as it stands lacks or has too much, in words."""
    have, wanted = {message.id: message.string for message in read() if message.id}, messages()
    return [*(f"no translation yet: {message}" for message in wanted if not have.get(message)),
            *(f"no longer shown: {message}" for message in have if message not in wanted)]


def main(arguments: Sequence[str] = ()) -> int:
    if "--check" in arguments:
        found = missing()
        for line in found:
            print(line)
        return 1 if found else 0
    for message in refresh():
        print(f"no translation yet: {message}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
