"""Chinese notebooks, built from the English ones and the pages in chapters/zh/.

`chapters/zh/05_project.md` holds the Chinese of every Markdown cell of `chapters/05_project.ipynb`, each below a
line with the cell's id and a short hash of the English that it was written from:

    <!-- cell: data-reading  english: 3f2a9c1b -->

`labkit translate` builds the notebooks into build/zh. `--check` lists the cells without Chinese and those whose
English has changed since; once the Chinese is revised, `--update 05:data-reading` writes the new hash.
"""
import argparse
import hashlib
import itertools
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from labkit import settings
from labkit.headless import find
from labkit.language import _
from labkit.settings import choose, refuse

MARKER = re.compile(r"<!-- *cell: *(\S+) +english: *([0-9a-f]{8}) *-->")
LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
CHAPTER = re.compile(r"\d\d_\w+\.(md|ipynb)")


@dataclass(frozen=True)
class Text:
    """The Chinese of one cell, and the hash of the English it was written from."""
    english: str
    chinese: str


def digest(english: str) -> str:
    """The short hash of a cell's English; space around it does not count."""
    return hashlib.sha256(english.strip().encode()).hexdigest()[:8]


def page_of(notebook: Path) -> Path:
    """The Chinese page of a notebook: zh/NN_name.md beside it."""
    return notebook.parent / "zh" / f"{notebook.stem}.md"


def read(page: Path) -> dict[str, Text]:
    """The texts of a page by cell id, in the page's order. What stands above the first of them is a note.

    Raises `SettingError` where there is no page, and for a marker that cannot be read or comes twice.
    """
    if not page.exists():
        raise refuse("page", page.name, _("a chapter with its Chinese text in {folder}").format(folder=page.parent),
                     _("Begin the page with its first cell; labkit translate --check lists them all."))
    texts, cell = {}, None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("<!--") and "cell:" in line:
            marker = MARKER.fullmatch(line.strip())
            if marker is None or marker[1] in texts:
                raise refuse(f"{page.name}:{number}", line,
                             "<!-- cell: ID  english: HASH -->, " + _("each cell once"))
            cell = marker[1]
            texts[cell] = Text(marker[2], "")
        elif cell is not None:
            texts[cell] = Text(texts[cell].english, f"{texts[cell].chinese}{line}\n")
    return {cell: Text(text.english, text.chinese.strip()) for cell, text in texts.items()}


def english(notebook: Path) -> dict[str, str]:
    """The Markdown cells of a notebook by id, in its order."""
    cells = nbformat.read(notebook, as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "markdown"}


def differences(notebook: Path) -> dict[str, list[str]]:
    """The ids of cells that are `missing` from the page (or empty), `outdated`, and `unknown` to the notebook."""
    have, cells = read(page_of(notebook)), english(notebook)
    return {
        "missing": [cell for cell in cells if cell not in have or not have[cell].chinese],
        "outdated": [cell for cell in cells if cell in have and have[cell].english != digest(cells[cell])],
        "unknown": [cell for cell in have if cell not in cells],
    }


def relink(text: str, here: Path, there: Path) -> str:
    """Let the relative links of a Markdown text, written for a file in `here`, work from the folder `there`.

    Chapters, which a Chinese page names as .md and a notebook as .ipynb, lie beside each other in `there`.
    """
    def moved(link):
        target = Path(link[1])
        if CHAPTER.fullmatch(target.name) and len(target.parts) == 1:
            return target.with_suffix(".ipynb").name
        return Path(os.path.relpath(here / target, there)).as_posix() if (here / target).exists() else link[1]
    return LINK.sub(moved, text)


def translated(notebook: Path, there: Path, kernel: str = "") -> nbformat.NotebookNode:
    """The notebook with Chinese text and without outputs, for the folder `there`.

    A cell without Chinese keeps its English; so does a notebook without a page. `kernel` is the name of an installed
    kernel to open it with, in place of the notebook's own.
    """
    page = page_of(notebook)
    texts = read(page) if page.exists() else {}
    result = nbformat.read(notebook, as_version=4)
    for cell in result.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif cell.id in texts and texts[cell.id].chinese:
            cell.source = relink(texts[cell.id].chinese, page.parent, there)
        else:
            cell.source = relink(cell.source, notebook.parent, there)
    if kernel:
        result.metadata["kernelspec"] = {**result.metadata.get("kernelspec", {}), "name": kernel}
    result.metadata["labkit"] = {"built": _fingerprint(result)}
    return result


def build(folder: Path | None = None, names: Sequence[str] = (), chapters: Path | None = None,
          kernel: str = "") -> list[Path]:
    """Build the Chinese notebooks of the named chapters, or of all, into `folder` (build/zh of the checkout).

    `kernel` as in `translated`; a notebook that stays as it was keeps its kernel too.
    Prints what is not as it should be. A notebook that the learner has changed is never lost: where the
    course's own text has stayed the same it is left alone, else it is renamed. Returns the notebooks' paths.
    """
    folder = (folder or settings.chapters_folder().parent / "build" / "zh").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    built = []
    for notebook in find(names, chapters):
        if names or page_of(notebook).exists():
            for kind, cells in differences(notebook).items():
                if cells:
                    print(f"{notebook.stem}: {_kinds()[kind]}: {', '.join(cells)}")
        else:
            print(_("{chapter}: there is no Chinese yet, so it stays in English").format(chapter=notebook.stem))
        built.append(folder / notebook.name)
        _write(translated(notebook, folder, kernel), built[-1])
    return built


def _kinds() -> dict[str, str]:
    return {"missing": _("cells without Chinese"), "outdated": _("cells whose English has changed since"),
            "unknown": _("cells that the notebook does not have")}


def _marker(cell: str, english: str) -> str:
    return f"<!-- cell: {cell}  english: {digest(english)} -->"


def _fingerprint(notebook: nbformat.NotebookNode) -> str:
    return digest(json.dumps([[cell.id, cell.source] for cell in notebook.cells]))


def _write(notebook: nbformat.NotebookNode, target: Path) -> None:
    if target.exists():
        try:
            have = nbformat.read(target, as_version=4)
        except ValueError:          # cut short: whatever is in it is kept too
            have = nbformat.v4.new_notebook()
        was_built = have.metadata.get("labkit", {}).get("built")
        if was_built == notebook.metadata.labkit.built:
            return
        if was_built != _fingerprint(have):
            kept = next(path for number in itertools.count(1)
                        if not (path := target.with_name(f"{target.stem}.yours-{number}.ipynb")).exists())
            target.rename(kept)
            print(_("The course has changed. Your own {name} was kept as {kept}.").format(name=target.name, kept=kept))
    fresh = target.with_suffix(".part")
    nbformat.write(notebook, fresh)
    fresh.replace(target)


def check(names: Sequence[str] = (), chapters: Path | None = None) -> int:
    """Print each cell that is missing, outdated or unknown, and what breaks the rules of writing; 1 if any."""
    from labkit.lint_zh import findings, terms
    found, listed = 0, terms((chapters or settings.chapters_folder()) / "zh" / "terms.md")
    for notebook in find(names, chapters):
        if not page_of(notebook).exists():
            lines = [_("there is no page {page}").format(page=page_of(notebook))]
        else:
            cells, have = english(notebook), read(page_of(notebook))
            lines = [f"{_kinds()[kind]}: " + (_marker(cell, cells[cell]) if cell in cells else cell)
                     for kind, ids in differences(notebook).items() for cell in ids]
            lines += findings({cell: (cells[cell], have[cell].chinese) for cell in cells if cell in have}, listed)
        found += len(lines)
        for line in lines:
            print(f"{notebook.stem}: {line}")
    return 1 if found else 0


def update(names: Sequence[str], chapters: Path | None = None) -> None:
    """Write the hash of today's English for the named cells (`05:data-reading`) or whole chapters (`05`)."""
    for name in names:
        chapter, _colon, cell = name.partition(":")
        notebook = find([chapter], chapters)[0]
        page, cells = page_of(notebook), english(notebook)
        have = read(page)
        wanted = [choose("cell", cell, list(have))] if cell else list(have)
        for cell in wanted:
            choose("cell", cell, list(cells))

        def renewed(marker, cells=cells, wanted=wanted):
            if marker[1] not in wanted:
                return marker[0]
            return _marker(marker[1], cells[marker[1]])
        page.write_text(MARKER.sub(renewed, page.read_text(encoding="utf-8")), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """`labkit translate`: build, check, or renew the hashes of cells whose Chinese has been revised."""
    parser = argparse.ArgumentParser(prog="labkit translate", description=_("Build the Chinese notebooks."))
    parser.add_argument("names", nargs="*", metavar="CHAPTER[:CELL]", help=_("05 or 05_project; all if none is named"))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help=_("list what is missing, outdated or unknown"))
    what.add_argument("--update", action="store_true", help=_("for translators: the named cells have been revised"))
    parser.add_argument("--kernel", default="", metavar="NAME",
                        help=_("an installed kernel that the notebooks open with; their own if not given"))
    options = parser.parse_args(arguments)
    if options.update:
        if not options.names:
            raise refuse("--update", "", _("the cells that were revised"), "labkit translate --update 05:data-reading")
        update(options.names)
    elif options.check:
        return check(options.names)
    else:
        for path in build(names=options.names, kernel=options.kernel):
            print(path, file=sys.stdout)
    return 0
