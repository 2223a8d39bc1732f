"""Pages for every public module of labkit, made of its docstrings.

Docstrings are written to be read in a terminal: paragraphs, indented code, columns, names in single backticks. Each
kind is turned into what Sphinx reads, and nothing has to be written twice.
"""
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "labkit"
COLUMNS = re.compile(r"\S {2,}\S")
PROGRAMS = "labkit.resources.contestants"       # which chapter 7 runs by themselves, each for its framework


def modules(package: Path = PACKAGE) -> list[str]:
    """The public modules of labkit, packages before what is in them."""
    names = []
    for path in sorted(package.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        if not any(part.startswith("_") for part in parts) and not ".".join(parts).startswith(PROGRAMS):
            names.append(".".join(parts))
    return names


def write(out: Path) -> None:
    """Write api/index.rst and a page for each part of labkit: its modules, or those of a package together.

    Names that a package takes from its modules stand with the module.
    """
    out.mkdir(parents=True)
    parts: dict[str, list[str]] = {}
    for name in modules():
        parts.setdefault(".".join(name.split(".")[:2]), []).append(name)
    for part, names in parts.items():
        text = f"{part}\n{'=' * len(part)}\n"
        for name in names:
            if name != part:
                text += f"\n{name}\n{'-' * len(name)}\n"
            text += f"\n.. automodule:: {name}\n"
            if not (PACKAGE.parent / name.replace(".", "/")).is_dir():
                text += "   :members:\n   :member-order: bysource\n"
        (out / f"{part}.rst").write_text(text, encoding="utf-8")
    listed = "".join(f"   {part}\n" for part in parts)
    (out / "index.rst").write_text("API of labkit\n=============\n\nMade from the docstrings.\n\n.. toctree::\n"
                                   f"   :maxdepth: 1\n\n{listed}", encoding="utf-8")


def restructured(lines: list[str]) -> list[str]:
    """A docstring as reStructuredText: indented and columned blocks stay as they are, backticks mean code."""
    blocks: list[tuple[bool, list[str]]] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        kept = rows[0].startswith(" ") or any(COLUMNS.search(row) for row in rows)
        if kept and blocks and blocks[-1][0]:
            blocks[-1][1].extend(["", *rows])
        else:
            blocks.append((kept, rows))
    result = []
    for kept, rows in blocks:
        result += ["::", "", *(f"    {row}" for row in rows)] if kept else _listed(rows)
        result.append("")
    return result


def _listed(rows: list[str]) -> list[str]:
    """A paragraph, with the items of a list, if it has any, set apart."""
    result = []
    for row in rows:
        if row.startswith("- ") and result and not result[-1].startswith(("- ", "  ")):
            result.append("")
        result.append(_escaped(row))
    return result


def _escaped(row: str) -> str:
    parts = row.split("`")
    if len(parts) % 2 == 0:
        return re.sub(r"([*_|`\\])", r"\\\1", row)
    return "".join(f"\\ ``{part}``\\ " if place % 2 and part else re.sub(r"([*_|\\])", r"\\\1", part)
                   for place, part in enumerate(parts))
