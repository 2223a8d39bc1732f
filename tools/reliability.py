"""Put what the promises' tests measured in full into docs/reliability.md: `python tools/reliability.py FOLDER`.

FOLDER holds what `make reliability` (or `make soak`) has measured. The figures are kept in docs/reliability.json, and
the page's last column is written from there; `--check` only says whether the two are in step.
"""
import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE, FIGURES = ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability.json"
ROW = re.compile(r"^\| (?P<promise>.+) \| `tests/(?P<test>test_\w+\.py::test_\w+)` \|(?P<figure>.*)\|$", re.MULTILINE)


def collect(folder: Path, figures: dict) -> dict:
    """`figures` with those of `folder` in place of older ones."""
    fresh = {test: contents for path in sorted(folder.glob("*.json"))
             for test, contents in json.loads(path.read_text(encoding="utf-8")).items()}
    return dict(sorted({**figures, **fresh}.items()))


def write(page: str, figures: dict) -> str:
    """The page with the figure of each row's test in its last column."""
    def row(match):
        found = figures.get(match["test"])
        said = "{measured} ({date}, {seconds:.0f} s)".format(**found) if found else "not run in full yet"
        return f"| {match['promise']} | `tests/{match['test']}` | {said} |"
    return ROW.sub(row, page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="what was measured")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    page = PAGE.read_text(encoding="utf-8")
    if arguments.folder:
        figures = collect(arguments.folder, figures)
    fresh = write(page, figures)
    if arguments.check:
        if fresh != page:
            print("docs/reliability.md does not say what docs/reliability.json holds: python tools/reliability.py")
        return int(fresh != page)
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
