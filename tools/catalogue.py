#!/usr/bin/env python3
"""Refresh labkit/locale/zh/LC_MESSAGES/labkit.po: new messages are added empty, messages that are gone are dropped.

    python tools/catalogue.py
    python tools/catalogue.py --check       # says what it lacks, and writes nothing

Messages are what labkit passes to `_`, the texts of claims' rules, the class names of data sets, the kinds of large
models, the parts of their memory, the questions of the self-test, the tasks and metrics of recorded products, and what
labkit shows of the literals in notebooks: guesses, titles, axis labels, names of curves, panels, steps, controls and
choices, rows of tables, printed sentences; and the English in the tables that the stored notebooks show. An f-string is
an entry with numbered places: `{0} heads`.
"""
import ast
import itertools
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import english
import nbformat
import pandas
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from labkit import arguments, questions, widgets
from labkit.applications import credit, fraud
from labkit.checklist import comparison, faults
from labkit.claims import recorded
from labkit.cli import COMMANDS
from labkit.data import large_models
from labkit.data.images import FASHION_MNIST_CLASSES
from labkit.data.text import REVIEW_CLASSES
from labkit.economics import training_memory
from labkit.economics.configuration import PRESETS, RECOMPUTE
from labkit.language import LOCALE
from labkit.papers import bidirectional, copying
from labkit.resources import catalogue as resources
from labkit.resources import chooser, cleaning
from labkit.settings import chapters_folder
from labkit.trends import energy, ensembles, explanations, transfer
from labkit.venture import risks
from labkit.widgets.controls import Control
from labkit.widgets.still import LiveWidget

PO = LOCALE / "zh" / "LC_MESSAGES" / "labkit.po"
KEYWORDS = {"_": None, "words": None, "rule": (2,)}
DEVICE = "{0}, {1:d} cores"      # what device.describe and a record call a machine
# What code calls runs, models and columns, which tables and claims show.
NAMES = ("residual", "plain", "threshold", "logistic", "network", "constant", "step", "cosine", "one-cycle", "hours",
        "attention", "standard", "efficient", "left to right, freed", "no pre-training", "class",
         "good", "warm recall@10", "cold recall@10", "weights along one run", "joint", "plain, loss", "private, loss",
         "plain, ratio", "private, ratio", "visitors", "fixed", "margin", "reading", "a course or book")
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
TITLES = {"lk.Upload": 0, "lk.Explorer": 1, "lk.Steps": 1, "lk.panels.text": 1, "lk.panels.tokens": 2,
          "lk.panels.table": 2}
PANELS = ("lk.panels.", "lk.snapshots.")
CONTROLS = tuple(f"lk.{kind}(" for kind in ("Log", "Int", "Float", "Choice", "Toggle", "Text", "Matrix", "Point"))


def of_labkit() -> Iterator[tuple[str, str]]:
    """Each message of labkit's modules and the file that it is in."""
    for path, _line, message, *_rest in extract_from_dir(LOCALE.parent, [("**.py", "python")], keywords=KEYWORDS):
        yield message, f"labkit/{path}"
    names = {"data/images.py": FASHION_MNIST_CLASSES + CIFAR10_CLASSES, "data/text.py": REVIEW_CLASSES,
             "data/bundled/large-models.csv": large_models()["kind"].unique(), "device.py": [DEVICE],
             "resources/catalogue.py": (*resources.KINDS, *resources.LEVELS, *resources.LANGUAGES, *resources.STATUSES,
                                        *resources.PATHS),
             "data/bundled/resources.csv": pandas.read_csv(resources.FILE)["note"],
             "resources/cleaning.py": cleaning.MODELS, "checklist/comparison.py": comparison.MODELS,
             "resources/chooser.py": (*chooser.QUESTIONS, *itertools.chain(*chooser.QUESTIONS.values()),
                                      *(text for rule in chooser.rules() for text in (rule.part, rule.take))),
             "economics/configuration.py": RECOMPUTE, "venture/risks.py": risks.SORTS,
             "checklist/faults.py": (*faults.SOUND, *faults.FAULTS), "": NAMES,
             "trends/transfer.py": transfer.WAYS, "trends/ensembles.py": ensembles.FUSIONS,
             "trends/explanations.py": (*explanations.METHODS, *explanations.REDRAWN), "trends/energy.py": energy.GRAMS,
             "applications/fraud.py": fraud.SCHEMES, "applications/credit.py": credit.MODELS,
             "papers/copying.py": copying.MODELS + copying.POSITIONS, "papers/bidirectional.py": bidirectional.KINDS,
             "cli.py": [text for purpose, _action, options in COMMANDS.values()
                        for text in (purpose, *(details["help"] for _flag, details in options or []))],
             "arguments.py": arguments.WORDS}
    for module in pkgutil.iter_modules(widgets.__path__):
        import_module(f"labkit.widgets.{module.name}")
    names["widgets/still.py"] = {kind.stand_in for kind in (LiveWidget, *LiveWidget.__subclasses__())}
    for path, held in names.items():
        yield from ((name, f"labkit/{path}") for name in held if any(map(str.isalpha, name)))
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
    for path in sorted(chapters_folder().glob("recorded/*.json")):
        data = recorded(path.stem)["data"]
        yield from ((text, f"chapters/recorded/{path.name}") for held in (data if isinstance(data, list) else [data])
                    for text in (held["name"], held["note"], held.get("label", "")) if " " in text)


def of_cell(source: str) -> Iterator[str]:
    """The literals of a code cell that labkit shows; those without a letter need no translation."""
    tree = ast.parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    shown: list[ast.AST] = []
    labels: list[ast.AST] = []      # of tables: names of models among them
    for call in calls:
        function = ast.unparse(call.func)
        if function in ("lk.guess", "lk.Choice"):
            shown += call.args
        if function == "print":
            yield from (text for argument in call.args for text in texts(argument) if " " in text)
        if function.startswith("lk."):
            shown += [keyword.value for keyword in call.keywords if keyword.arg in TEXTS]
        if function == "model_card.credit_card":
            shown += [keyword.value for keyword in call.keywords if keyword.arg == "use"]
        if function in TITLES:
            shown += call.args[TITLES[function]:TITLES[function] + 1]
        if function in ("lk.LiveLab", "lk.Explorer"):
            for keyword in call.keywords:
                if ast.unparse(keyword.value).startswith(CONTROLS):
                    yield Control().describe(keyword.arg)["label"]
        if function == "lk.panels.table":
            shown += call.args[:2] + [keyword.value for keyword in call.keywords if keyword.arg == "header"]
        if function.endswith((".DataFrame", ".Series")):
            labels += [keyword.value for keyword in call.keywords if keyword.arg in ("name", "index", "columns")]
        if function.endswith(".to_frame"):
            labels += call.args
        if function == "report" or function.endswith("film.add"):
            yield from (keyword.arg.replace("_", " ") for keyword in call.keywords if keyword.arg)
        yield from (keyword.arg.replace("_", " ") for keyword in call.keywords
                    if keyword.arg and ast.unparse(keyword.value).startswith(PANELS))
    figures = any(name.startswith("lk.figures.") for name in names)     # curves and bars are named by dicts and lists
    tables = any(name.endswith((".DataFrame", ".Series")) for name in names)
    dicts = figures or any(name.startswith(("lk.panels.", "lk.Steps")) for name in names)
    for node in ast.walk(tree):
        for key, value in pairs(node):
            if ast.unparse(value).startswith(PANELS):
                yield from (text.replace("_", " ") for text in texts(key))      # what heads a panel without a title
            elif dicts:
                shown.append(key)
            if tables:
                labels.append(key)
        if "lk.panels.table" in names and isinstance(node, ast.List) and any(
                isinstance(row, ast.List) for row in node.elts):
            shown.append(node)
        if figures and isinstance(node, ast.Tuple | ast.List):
            shown += node.elts
        if figures and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.JoinedStr):
            shown.append(node.slice)
    for node in shown:
        yield from texts(node)
    yield from (text for label in labels for text in texts(label) if english.english(text))


def pairs(node: ast.AST) -> list[tuple[ast.AST | None, ast.AST]]:
    """Keys and values of a dict that is written out or made by a comprehension; the key of `**` is None."""
    if isinstance(node, ast.Dict):
        return [*zip(node.keys, node.values, strict=True)]
    return [(node.key, node.value)] if isinstance(node, ast.DictComp) else []


def texts(node: ast.AST | None) -> Iterator[str]:
    """The strings that stand in an expression, lists and conditions among them; an f-string by its form."""
    if isinstance(node, ast.JoinedStr):
        words = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        kinds = {part.format_spec is None for part in node.values if isinstance(part, ast.FormattedValue)}
        telling = any(map(str.isalpha, words)) or kinds == {True, False}        # `{0}, {1:.0%}`: a name and a number
        if telling and "{" not in words and "}" not in words:
            place = itertools.count()
            yield "".join(part.value if isinstance(part, ast.Constant) else f"{{{next(place)}{form_of(part)}}}"
                          for part in node.values)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and any(map(str.isalpha, node.value)):
            yield node.value
    elif isinstance(node, ast.List | ast.Tuple | ast.IfExp | ast.Starred):
        for inner in ast.iter_child_nodes(node):
            yield from texts(inner)


def form_of(part: ast.FormattedValue) -> str:
    """The format of a place in an f-string, such as `:.1%`; empty where it has none."""
    return ":" + "".join(spec.value for spec in part.format_spec.values) if part.format_spec else ""


def of_outputs(cell: nbformat.NotebookNode) -> Iterator[str]:
    """The English in the tables of a cell's stored outputs: data frames, and series, which have no HTML.

    What has a number in it that the cell's source has not is left out: code has put it there.
    """
    for output in cell.outputs:
        page, plain = (output.get("data", {}).get(kind, "") for kind in ("text/html", "text/plain"))
        if re.search(r"print\(.*\.round\(", cell.source):     # a data frame
            plain = output.get("text", "")
        shown = english.of_html(page) if 'class="dataframe"' in page else []
        for line in () if page else plain.splitlines():
            words = re.split(r" {2,}", line.strip())
            shown += words if len(words) > 1 else []
        yield from (text for text in filter(english.english, shown)
                    if f'"{text}"' in cell.source or not re.search(r"\d", text))


def messages(chapters: Path | None = None) -> dict[str, set[str]]:
    """Every message that a learner can be shown, and the files that it is in."""
    found: dict[str, set[str]] = {}
    for message, path in of_labkit():
        found.setdefault(message, set()).add(path)
    for notebook in sorted((chapters or chapters_folder()).glob("*.ipynb")):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code":
                for message in (*of_cell(cell.source), *of_outputs(cell)):
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
