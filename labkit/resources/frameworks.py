"""The same network in PyTorch, scikit-learn and Keras: what you write, how long it trains, what it finds.

    results = compare(seed=0, epochs=10)        # {"PyTorch": Result, ...}
    table(results)                              # lines, seconds, accuracy
    agreement(results)                          # number by number, against PyTorch

The data are scikit-learn's 1,797 digits of 8×8 pixels. Keras computes with PyTorch, in a process of its own; where it
is not installed its row says so.
"""
import ast
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from labkit.language import _
from labkit.resources import contestants
from labkit.settings import choose
from labkit.training.randomness import INIT, seeded

MODULES = {"PyTorch": "in_pytorch", "scikit-learn": "in_scikit_learn", "Keras": "in_keras"}
LEARNERS = ("build", "train", "probabilities")      # the functions whose lines count
LIMIT = 180                                         # seconds that Keras's process may take, its start included


@dataclass(frozen=True)
class Result:
    """What one framework found: `found` is as `contestants.contest` says, or empty, and `note` says why."""
    lines: int
    found: dict
    accuracy: float = float("nan")
    note: str = ""


def source(framework: str) -> str:
    """The functions that a learner writes, as they are run. The module is read and not imported."""
    path = Path(contestants.__file__).with_name(MODULES[choose("framework", framework, MODULES)] + ".py")
    text = path.read_text(encoding="utf-8")
    functions = [part for part in ast.parse(text).body if isinstance(part, ast.FunctionDef) and part.name in LEARNERS]
    return "\n\n".join(ast.get_source_segment(text, function) for function in functions)


def lines(framework: str) -> int:
    """Lines of `source` that are neither empty nor a comment."""
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in source(framework).splitlines())


def digits(seed: int = 0) -> dict[str, np.ndarray]:
    """`images` (1347, 64) from 0 to 1 and `labels` to train with, `new` (450, 64) and `truth` to test with."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    images, labels = load_digits(return_X_y=True)
    split = train_test_split((images / 16).astype("float32"), labels.astype("int64"), test_size=450, stratify=labels,
                             random_state=seed)
    return dict(zip(("images", "new", "labels", "truth"), split, strict=True))


def start(seed: int = 0) -> list[np.ndarray]:
    """Weights for all three to begin one comparison with: He's normal, biases that are not 0."""
    draw = np.random.default_rng(seed)
    return [(draw.standard_normal(shape) * scale).astype("float32")
            for shape, scale in (((64, 64), 0.18), ((64,), 0.1), ((64, 10), 0.18), ((10,), 0.1))]


def compare(seed: int = 0, epochs: int = 10, limit: float = LIMIT) -> dict[str, Result]:
    """Train each contestant on the same digits; `limit` is the seconds that Keras's process may take."""
    data = digits(seed)
    task = {**data, **{f"start{place}": values for place, values in enumerate(start(seed))},
            "epochs": epochs, "seed": seed}
    results = {}
    for framework, module in MODULES.items():
        if framework == "Keras":
            found, note = _in_process(module, task, limit)
        else:
            with seeded(torch.device("cpu"), seed, INIT):      # the notebook's own random numbers stay as they are
                found, note = contestants.contest(import_module(f"{contestants.__name__}.{module}"), task), ""
        accuracy = float((found["predictions"] == data["truth"]).mean()) if found else float("nan")
        results[framework] = Result(lines(framework), found, accuracy, note)
    return results


def _in_process(module: str, task: dict, limit: float) -> tuple[dict, str]:
    """What the contestant finds in a process of its own, and a note where there is nothing."""
    if find_spec("keras") is None:
        return {}, _("Keras is not installed here: pip install keras")
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "task.npz"), Path(folder, "found.npz")
        np.savez(given, **task)
        settings = {"KERAS_BACKEND": "torch", "KERAS_HOME": folder, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", f"{contestants.__name__}.{module}", str(given), str(found)]
        try:
            subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=limit,
                           check=True)
        except subprocess.TimeoutExpired:
            return {}, _("Keras was stopped after {seconds} seconds").format(seconds=limit)
        except subprocess.CalledProcessError as error:
            return {}, _("Keras ended with an error: {error}").format(error=error.stderr.strip()[-200:])
        with np.load(found) as arrays:
            return dict(arrays), ""


def table(results: dict[str, Result]) -> pd.DataFrame:
    """Lines, seconds of training and test accuracy, one row a framework."""
    rows = {name: {"lines": result.lines, "seconds": float(result.found.get("seconds", np.nan)),
                   "accuracy": result.accuracy, "note": result.note} for name, result in results.items()}
    return pd.DataFrame.from_dict(rows, orient="index").round({"seconds": 2, "accuracy": 3})


def agreement(results: dict[str, Result]) -> pd.DataFrame:
    """The largest differences from PyTorch's numbers for the same start, and what each framework draws by itself."""
    reference = results["PyTorch"].found
    rows = {}
    for name, result in results.items():
        if result.found:
            def apart(kind, found=result.found):
                return max(float(np.abs(found[key] - reference[key]).max())
                           for key in reference if key.startswith(kind))
            rows[name] = {"probabilities": apart("probabilities"), "weights after one step": apart("step"),
                          "weights after one epoch": apart("epoch"),
                          "largest weight drawn": float(np.abs(result.found["initial0"]).max()),
                          "largest bias drawn": float(np.abs(result.found["initial1"]).max())}
    return pd.DataFrame.from_dict(rows, orient="index")


def measure(seed: int) -> list[dict]:
    """The recorded runs of one seed: 20 epochs each. Raises RuntimeError where Keras gave nothing."""
    results = compare(seed, epochs=20)
    if results["Keras"].note:
        raise RuntimeError(results["Keras"].note)
    return [{"part": "frameworks", "seed": seed, "framework": name, "lines": result.lines,
             "seconds": float(result.found["seconds"]), "accuracy": result.accuracy}
            for name, result in results.items()]
