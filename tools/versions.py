"""Does the course run with these versions? `python tools/versions.py oldest`, `newest` or `locked`.

    oldest      of each direct dependency the lowest version that pyproject.toml allows (found by uv)
    newest      of each dependency the highest version that its range allows
    locked      requirements.lock, on another Python than make's: python3.13 tools/versions.py locked

A fresh environment in build/versions gets them. In it the doctor is asked, every chapter runs headless and the unit
tests of tests/ run, those of browsers and of promises left out. What came of it becomes a row of the table in
docs/reliability.md. Exits with 1 where something failed. Needs the standard library alone.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setup_env import ROOT, index_options, version

PAGE = ROOT / "docs" / "reliability.md"
SHOWN = ("torch", "plotly", "jupyterlab", "pandas", "numpy")
HEAD = "| versions | Python | " + " | ".join(SHOWN) + " | doctor | chapters | unit tests | day |"
WANTED = ".[book,dev,instructors,sweep,zh]"


def install(which: str, python: Path, folder: Path, torch: list[str]) -> None:
    """Bring the versions into the environment whose Python is `python`; what is there is upgraded."""
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *index_options()]
    if which == "locked":
        subprocess.run([*pip, "-r", "requirements.lock"], cwd=ROOT, check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", "."], cwd=ROOT, check=True)
    elif which == "newest":
        subprocess.run([*pip, "--upgrade", "--upgrade-strategy", "eager", "-e", WANTED, *torch], cwd=ROOT, check=True)
    else:   # pip has no such resolver
        pins = folder / "oldest.txt"
        subprocess.run([*pip, "uv>=0.9"], check=True)
        subprocess.run([str(python), "-m", "uv", "pip", "compile", "--quiet", "--resolution", "lowest-direct",
                        "--all-extras", "--python", str(python), "pyproject.toml", "--output-file", str(pins)],
                       cwd=ROOT, check=True)
        subprocess.run([*pip, "-e", WANTED, "--constraint", str(pins)], cwd=ROOT, check=True)


def as_stored(python: Path) -> bool:
    """Whether every output is as it is stored, as `make test` compares them."""
    done = subprocess.run([str(python), "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-n", "2", "--dist",
                           "loadfile", "chapters"], cwd=ROOT, env={**os.environ, "LABKIT_THREADS": "1"})
    return not done.returncode


def tried(python: Path, folder: Path, chapters: list[str], tests: list[str]) -> dict:
    """What the doctor, the chapters and the unit tests say in the environment of `python`."""
    labkit = str(python.with_name("labkit"))
    doctor = subprocess.run([labkit, "doctor"], cwd=ROOT)
    subprocess.run([labkit, "run", *chapters, "--out", str(folder / "run")], cwd=ROOT)
    subprocess.run([str(python), "-m", "pytest", "-q", "-m", "not browser and not promise", "-n", "2", "--dist",
                    "loadfile", f"--junitxml={folder / 'tests.xml'}", *tests], cwd=ROOT)
    ran = json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))["chapters"]
    return {"doctor": not doctor.returncode, "chapters": len(ran),
            "chapters_passed": sum(row["result"] == "passed" for row in ran), **counted(folder / "tests.xml")}


def counted(report: Path) -> dict[str, int]:
    """How many unit tests ran and how many passed; a skipped one did not run."""
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    number = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    ran = number["tests"] - number["skipped"]
    return {"tests": ran, "tests_passed": ran - number["failures"] - number["errors"]}


def row(which: str, python: str, versions: dict[str, str], found: dict) -> str:
    """A line of the page's table."""
    cells = [which, python, *(versions[name] for name in SHOWN), "well" if found["doctor"] else "finds faults",
             "{chapters_passed} of {chapters}".format(**found), "{tests_passed} of {tests}".format(**found),
             time.strftime("%Y-%m-%d")]
    return f"| {' | '.join(cells)} |"


def recorded(page: str, line: str) -> str:
    """The page with the line in its table, in place of the one of the same versions on the same minor Python."""
    which, python = re.match(r"\| (\w+) \| (\d+\.\d+)", line).groups()
    before, head, after = page.partition(f"{HEAD}\n")
    if not head:
        raise SystemExit(f"{PAGE.name} has no table that begins with {HEAD}")
    ruler, *rest = after.split("\n")
    lines = [old for old in rest[:rest.index("")] if not old.startswith(f"| {which} | {python}.")]
    return before + head + "\n".join([ruler, *sorted([*lines, line]), *rest[rest.index(""):]])


def well(found: dict) -> bool:
    return found["doctor"] and found["chapters"] == found["chapters_passed"] and found["tests"] == found["tests_passed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("oldest", "newest", "locked"))
    parser.add_argument("--torch", action="append", default=[], help="with newest: a version, such as torch==2.13.0")
    parser.add_argument("--chapters", nargs="*", default=[], help="these alone")
    parser.add_argument("--tests", nargs="*", default=["tests"], help="these alone")
    parser.add_argument("--outputs", action="store_true", help="compare every output with the stored one too")
    parser.add_argument("--venv", type=Path, help="where the environment is, or is to be")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)    # a background job would hand on that it is ignored
    folder = ROOT / "build" / "versions" / f"{options.which}-{version(sys.version_info)}"
    folder.mkdir(parents=True, exist_ok=True)
    venv = (options.venv or folder / "venv").absolute()
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install(options.which, python, folder, options.torch)
    found = tried(python, folder, options.chapters, options.tests)
    stored = not options.outputs or as_stored(python)
    ask = ("import importlib.metadata, json, platform; print(json.dumps([platform.python_version(), "
           f"{{name: importlib.metadata.version(name).split('+')[0] for name in {SHOWN}}}]))")
    line = row(options.which, *json.loads(subprocess.check_output([str(python), "-c", ask], text=True)), found)
    print(line)
    PAGE.write_text(recorded(PAGE.read_text(encoding="utf-8"), line), encoding="utf-8")
    return 0 if stored and well(found) else 1


if __name__ == "__main__":
    sys.exit(main())
