"""What Sphinx reads: the chapters in one language with the outputs of the web edition, and the first page."""
import re
import shutil
from pathlib import Path

import nbformat

from book.outputs import Outputs
from book.words import WORDS
from labkit import web
from labkit.headless import find
from labkit.translate import translated
from tools.badges import binder, source

TEXT = Path(__file__).with_name("text")
# JupyterLab draws a chart in Mermaid; the picture that stands below it, folded up, needs no script.
CHART = re.compile(r"```mermaid\n.*?\n```\n+<details><summary>.*?</summary>\n+(!\[.*?\]\(.*?\))\n+</details>",
                   re.DOTALL)


def write(language: str, chapters: Path, out: Path, data: Path, there: str) -> None:
    """Write the sources of one language into `out`, and what their pages load into `data`, `there` seen from them."""
    address = source(chapters.parent / "pyproject.toml")
    folder = {"en": "chapters", "zh": "build/zh"}[language]
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(chapters / "images", out / "images")
    for path in find(folder=chapters):
        notebook = page(language, path, binder(address, f"{folder}/{path.name}"), data, there)
        nbformat.write(notebook, out / path.name)
    text = (TEXT / f"{language}.md").read_text(encoding="utf-8")
    (out / "index.md").write_text(text, encoding="utf-8")


def page(language: str, path: Path, address: str, data: Path, there: str) -> nbformat.NotebookNode:
    """One chapter. Raises `OutOfStep` where nothing is stored for the web edition, or for other code cells."""
    file = web.file_of(path, language)
    stored = web.read(file) if file.exists() else {"code": ""}
    notebook = nbformat.read(path, as_version=4) if language == "en" else translated(path, path.parent)
    if stored["code"] != web.code(notebook):
        raise OutOfStep(f"{file.name} is out of step with {path.name}. Store both: labkit notebooks {path.stem}")
    made = Outputs(language, path.stem.split("_")[0], address, stored["widgets"], data, there)
    words = WORDS[language]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = CHART.sub(r"\1", cell.source)
            continue
        if language != "en":
            cell.outputs = [nbformat.from_dict(output) for output in stored["outputs"].get(cell.id, [])]
        cell.outputs = made.of(cell)
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-cell")
            cell.metadata["mystnb"] = {"code_prompt_show": words["solution"], "code_prompt_hide": words["hide"]}
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"}, "binder": address})
    return notebook


class OutOfStep(RuntimeError):
    """What chapters/web/ has stored belongs to an earlier notebook."""
