#!/usr/bin/env python3
"""Write the Binder badge below the title of every chapter, English and Chinese.

    python tools/badges.py

Its address is made from one setting, `[project.urls] Source` in pyproject.toml; the picture is our own, so that
opening a chapter asks nothing of another host. What Binder opens in Chinese is what binder/postBuild has built.
"""
import re
import sys
import tomllib
from pathlib import Path

import nbformat

from labkit import translate
from labkit.headless import find
from labkit.settings import chapters_folder

BRANCH = "main"
PICTURE = "images/open_in_binder.svg"       # in chapters/
BADGE = re.compile(r"^\[!\[[^\]]*\]\([^)]*open_in_binder\.svg\)\]\([^)]*\)\n*", re.MULTILINE)


def source(pyproject: Path) -> str:
    """The address of the course on GitHub, as pyproject.toml has it."""
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["urls"]["Source"]


def binder(address: str, page: str) -> str:
    """The address at which Binder builds the repository at `address` and opens `page`, a path inside it.

    Ends the program where the repository is not one of github.com's.
    """
    repository = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", address)
    if repository is None:
        raise SystemExit(f"[project.urls] Source is {address!r}; badges need https://github.com/OWNER/REPOSITORY")
    return f"https://mybinder.org/v2/gh/{repository[1]}/{BRANCH}?urlpath=lab/tree/{page}"


def badges(address: str, notebook: str) -> tuple[str, str]:
    """The English and the Chinese badge of the chapter whose file is called `notebook`."""
    return (f"[![Open in Binder]({PICTURE})]({binder(address, f'chapters/{notebook}')})",
            f"[![在Binder中打开](../{PICTURE})]({binder(address, f'build/zh/{notebook}')})")


def stamped(title: str, badge: str) -> str:
    """The text of a title cell with `badge` below its heading, in place of the badge that it has."""
    heading, _newline, rest = BADGE.sub("", title).partition("\n")
    return f"{heading}\n\n{badge}\n\n{rest.lstrip()}"


def stamp(path: Path, address: str) -> bool:
    """Write both badges of a chapter; returns whether anything was changed.

    A Chinese title that was out of step with its English stays marked as such.
    """
    page, notebook = translate.page_of(path), nbformat.read(path, as_version=4)
    title, chinese = notebook.cells[0], translate.read(page)["title"].chinese
    in_step = "title" not in translate.differences(path)["outdated"]
    english_badge, chinese_badge = badges(address, path.name)
    wanted = stamped(title.source, english_badge), stamped(chinese, chinese_badge)
    if wanted == (title.source, chinese):
        return False
    title.source = wanted[0]
    nbformat.write(notebook, path)
    page.write_text(page.read_text(encoding="utf-8").replace(chinese, wanted[1], 1), encoding="utf-8")
    if in_step:
        translate.update([f"{path.stem}:title"], path.parent)
    return True


def main(folder: Path | None = None) -> int:
    folder = folder or chapters_folder()
    address = source(folder.parent / "pyproject.toml")
    for path in find(folder=folder):
        if stamp(path, address):
            print(f"{path.stem}: {binder(address, f'chapters/{path.name}')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
