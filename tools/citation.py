#!/usr/bin/env python3
"""Write CITATION.cff: version from labkit, date from CHANGELOG.md, the rest from pyproject.toml.

    python tools/citation.py [--check]

Part of a release; with `--check` it says whether the file differs from what it would write, and writes nothing.
"""
import re
import sys
import tomllib
from collections.abc import Sequence

from setup_env import ROOT
from written import bring_up_to_date

import labkit

TITLE = "Large models, measured"
RELEASE = re.compile(r"^## \[([^]]+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)


def released(changelog: str) -> dict[str, str]:
    """The date of each release in a changelog, by its version."""
    return dict(RELEASE.findall(changelog))


def citation(pyproject: str, changelog: str, version: str) -> str:
    """The text of CITATION.cff. Ends the program where the changelog has no date for the version."""
    project = tomllib.loads(pyproject)["project"]
    date = released(changelog).get(version)
    if date is None:
        raise SystemExit(f"CHANGELOG.md has no heading `## [{version}] - YEAR-MONTH-DAY`, the version of labkit")
    authors = "".join(f'  - name: "{author["name"]}"\n' for author in project["authors"])
    return ("# Written by tools/citation.py.\n"
            "cff-version: 1.2.0\n"
            'message: "If you teach or publish with this course, please cite it."\n'
            "type: software\n"
            f'title: "{TITLE}"\n'
            f'abstract: "{project["description"]}."\n'
            f"authors:\n{authors}"
            f'version: "{version}"\n'
            f'date-released: "{date}"\n'
            f'repository-code: "{project["urls"]["Source"]}"\n'
            f'license-url: "{project["urls"]["Source"]}#contribute"\n')    # a list of licences would mean a choice


def main(arguments: Sequence[str] = ()) -> int:
    pyproject, changelog = ((ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md"))
    text = citation(pyproject, changelog, labkit.__version__)
    return bring_up_to_date({ROOT / "CITATION.cff": text}, arguments, "python tools/citation.py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
