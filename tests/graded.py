"""A chapter of exercises for tests of graders, and answers of every kind."""
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat

from labkit.instructors.export import export

EXERCISES = {       # name of the check in chapter 1: (head, solution)
    "training_flops": ("def training_flops(parameters, tokens, active_share=1.0):",
                       "# forward and backward\n    return 6 * parameters * active_share * tokens"),
    "training_memory": ("def training_memory(parameters, optimizer):",
                        'return parameters * (8 + 4 * ["sgd", "momentum", "adam"].index(optimizer))'),
    "days_and_money": ("def days_and_money(flops, devices, peak, utilisation, price_per_hour):",
                       "hours = flops / (peak * utilisation) / 3600\n"
                       "    return hours / devices / 24, hours * price_per_hour"),
    "best_split": ("def best_split(flops):", "return math.sqrt(flops / 120), 20 * math.sqrt(flops / 120)"),
    "tokens_per_second": ("def tokens_per_second(parameters, bytes_per_parameter, bandwidth, flops, batch=1):",
                          "return min(batch * bandwidth / parameters / bytes_per_parameter, flops / parameters / 2)"),
}
ANSWERS = {         # what a learner hands in in place of `return ...`, and what it is
    "training_flops": ("return 6 * parameters * active_share * tokens", "solved"),
    "training_memory": ("return 16 * parameters", "wrong"),
    "days_and_money": ("return ...", "not attempted"),
    "best_split": ("warnings.warn('careful')\n    log.warning('look')\n    print('hm', file=sys.stderr)\n"
                   "    return (flops / 120) ** 0.5, (flops / 0.3) ** 0.5\n\n"
                   "import logging, sys, warnings\nlog = logging.getLogger('mine')\n"
                   "log.addHandler(logging.StreamHandler())", "solved"),
    "tokens_per_second": ("print('Exercise 1.5: correct.')\n    raise SystemExit", "wrong"),
}
RIGHT = [name for name, (_body, state) in ANSWERS.items() if state == "solved"]


def chapter(folder: Path) -> Path:
    """Write the chapter `01_toy` with its exercises, executed before, and return its path."""
    def code(source, name, *tags):
        output = nbformat.v4.new_output("stream", text="stored\n")
        return nbformat.v4.new_code_cell(source, id=name, metadata={"tags": list(tags)}, execution_count=1,
                                         outputs=[output])
    cells = [nbformat.v4.new_markdown_cell("# A chapter\n\n[![Open](images/badge.svg)](https://host)\n\n![dot]"
                                           "(images/dot.png) [next](02_next.ipynb) [away](https://host/a)", id="title"),
             code('profile = "quick"\nseed = 0', "parameters", "parameters"),
             code("import math\n\nimport labkit as lk", "set-up")]
    for name, (head, solution) in EXERCISES.items():
        right = f"{head}\n    {solution}".replace("def ", "def solution_", 1)
        cells += [code(f"{head}\n    return ...\n\nlk.check.ch01.{name}({name})", f"ex-{name}", "exercise"),
                  code(right, f"ex-{name}-solution", "solution")]
    cells.append(code("solution_training_flops(1, 1)", "lesson"))
    path = folder / "01_toy.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir()
    (folder / "images" / "dot.png").write_bytes(b"\x89PNG\r\n")
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}), path)
    return path


def answer(source: Path, target: Path, bodies: dict[str, str]) -> Path:
    """Copy a notebook with the bodies of the named functions in place of `return ...`."""
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        name = re.match(r"def (\w+)\(", cell.source)
        if cell.cell_type == "code" and name and name[1] in bodies:
            assert "    return ..." in cell.source
            cell.source = cell.source.replace("return ...", bodies[name[1]], 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return target


def handed_in() -> dict[str, str]:
    """The learner's body of each function."""
    return {name: body for name, (body, _state) in ANSWERS.items()}


def environment(folder: Path) -> dict[str, str]:
    """What a grader's process gets, as in an activated environment: nbgrader calls alembic by its name.

    Its progress would go to `folder`, and nothing says that it grades.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    settings = {"LABKIT_STATE": str(folder), "LABKIT_LANGUAGE": "en", "LABKIT_THREADS": "1", "PATH": programs}
    return {name: value for name, value in os.environ.items() if name != "LABKIT_GRADING"} | settings


def run(*command: str, folder: Path, state: Path) -> str:
    """Run a tool of this Python's in `folder`; returns what it printed."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment(state), text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def everything(tool: str, folder: Path) -> Path:
    """All chapters of the course in both languages, exported for `tool` into a folder for each language."""
    for language in ("en", "zh"):
        export(tool, folder / language, language=language)
    return folder
