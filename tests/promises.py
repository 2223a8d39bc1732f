"""How large the tests of docs/reliability.md are, and where they write down what they measured.

`make test` runs them small. `make reliability` runs them in full, and puts what each one measured into the page.
"""
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import psutil

FOLDER = os.environ.get("LABKIT_RELIABILITY", "")      # where to write; empty: run small and write nothing


def size(small, full):
    """`full` under `make reliability`, `small` otherwise."""
    return full if FOLDER else small


def keep(test: str, sentence: str, seconds: float) -> None:
    """Write what `test`, such as test_killed.py::test_that, measured, where the page is written from."""
    if FOLDER:
        Path(FOLDER).mkdir(parents=True, exist_ok=True)
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        contents = {"measured": sentence, "seconds": round(seconds, 1), "date": time.strftime("%Y-%m-%d"),
                    "commit": commit, "load": round(psutil.getloadavg()[0], 1),
                    "machine": f"{psutil.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"}
        (Path(FOLDER) / f"{test.replace('::', '.')}.json").write_text(json.dumps({test: contents}), encoding="utf-8")
