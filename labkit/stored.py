"""The notebooks as they are stored: executed in the quick profile, in order, with their pictures.

`labkit notebooks` is for maintainers: plotly's PNGs need kaleido and a Chromium.
"""
import base64
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from PIL import Image

from labkit import web
from labkit.execution import ThisPython
from labkit.headless import find
from labkit.language import _
from labkit.translate import page_of, translated

RENDERERS = {"en": "plotly_mimetype+png", "zh": "plotly_mimetype"}     # the web edition draws its figures itself
SOMEBODYS_PATH = re.compile(r"/(root|home|Users|ipykernel_\d+)/|\\Users\\")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take out what differs between two machines or two runs, and nothing that a reader sees.

    A widget's view goes too: its model lives in the kernel, so a reopened notebook could only show an error
    in its place. The still copy, which is the second output, stays.
    """
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })
    for cell in notebook.cells:
        for key in ("execution", "papermill", "ExecuteTime"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(web.LIVE_VIEW, None)
            if "image/png" in data:
                data["image/png"] = smaller(data["image/png"])


def smaller(png: str) -> str:
    """The picture (base64) in at most 256 colours of its own, a quarter of the size; one with transparency as it is.

    No pixel moves by more than a few of 255 steps; white stays white, and a picture of 256 colours keeps them all.
    """
    packed = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        if picture.convert("RGBA").getextrema()[3][0] < 255:
            return png
        picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            packed, "png", optimize=True)
    return min(png, base64.b64encode(packed.getvalue()).decode(), key=len)


def unfit(notebook: nbformat.NotebookNode, root: Path) -> str:
    """Say which cell wrote to stderr (kaleido does now and then) or shows a path of this machine, and what; else ""."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                return _("cell {number} (id {id}) wrote to stderr; run it again, or mend it: {line}").format(
                    number=number, id=cell.get("id"), line=output.text.strip().splitlines()[-1])
            shown = [output.get("text", ""), *(value for kind, value in output.get("data", {}).items()
                                               if kind.startswith("text/"))]
            for line in "\n".join(map(str, shown)).splitlines():
                if str(root) in line or sys.prefix in line or SOMEBODYS_PATH.search(line):
                    return _("cell {number} (id {id}) shows a path of this machine: {line}").format(
                        number=number, id=cell.get("id"), line=line.strip())
    return ""


def execute(path: Path, language: str = "en") -> tuple[nbformat.NotebookNode, dict]:
    """The notebook executed in its folder with this very Python, cleaned, and what `web` stores of it.

    `zh` executes the Chinese notebook that `labkit translate` would build. No file is touched.
    """
    notebook = nbformat.read(path, as_version=4) if language == "en" else translated(path, path.parent)
    client = NotebookClient(notebook, kernel_manager_class=ThisPython, timeout=None, record_timing=False,
                            store_widget_state=True, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env={**os.environ, "LABKIT_THREADS": "1", "LABKIT_LANGUAGE": language,
                        "PLOTLY_RENDERER": RENDERERS[language]})
    stored = {"code": web.code(notebook), "widgets": web.widgets(notebook)}
    clean(notebook)
    if language != "en":
        stored["outputs"] = web.outputs(notebook, stored["widgets"])
    return notebook, stored


def store(names: Sequence[str] = (), folder: Path | None = None) -> int:
    """Execute chapters, store each in place, and beside it what the web edition needs, in both languages.

    A chapter that fails in either language, or is unfit to be stored, is left as it was. `names` and `folder` as in
    `headless.find`. Returns 0 if all were stored, else 1.
    """
    failed = 0
    for path in find(names, folder):
        print(_("{chapter}: executing").format(chapter=path.stem), flush=True)
        executed, problem = {}, ""
        for language in ("en", "zh") if page_of(path).exists() else ("en",):
            try:
                executed[language] = execute(path, language)
                problem = problem or unfit(executed[language][0], path.resolve().parent.parent)
            except (CellExecutionError, DeadKernelError) as error:
                problem = problem or str(error)
            if problem:
                break
        if problem:
            failed += 1
            print(_("{chapter}: not stored. {problem}").format(chapter=path.stem, problem=problem), file=sys.stderr)
            continue
        fresh = path.with_suffix(".part")
        nbformat.write(executed["en"][0], fresh)
        fresh.replace(path)
        for language, (_notebook, stored) in executed.items():
            web.write(web.file_of(path, language), stored)
        print(_("{chapter}: stored, {size:.2f} MB").format(chapter=path.stem, size=path.stat().st_size / 1e6))
    return 1 if failed else 0
