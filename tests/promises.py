"""How large the tests of docs/reliability.md are, and where they write down what they measured.

`make test` runs them small. `make reliability` runs them in full, and puts what each one measured into the page.
"""
import json
import os
import time
from pathlib import Path

FOLDER = os.environ.get("LABKIT_RELIABILITY", "")      # where to write; empty: run small and write nothing


def size(small, full):
    """`full` under `make reliability`, `small` otherwise."""
    return full if FOLDER else small


def keep(test: str, sentence: str, seconds: float) -> None:
    """Write what `test`, such as test_killed.py::test_that, measured, where the page is written from."""
    if FOLDER:
        Path(FOLDER).mkdir(parents=True, exist_ok=True)
        contents = {"measured": sentence, "seconds": round(seconds, 1), "date": time.strftime("%Y-%m-%d")}
        (Path(FOLDER) / f"{test.replace('::', '.')}.json").write_text(json.dumps({test: contents}), encoding="utf-8")
