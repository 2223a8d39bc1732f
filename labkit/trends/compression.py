"""Compression of one trained network: what each way keeps of its accuracy, and saves in bytes and in time.

All networks are trained for equally many steps, in two stages: `steps` from the start, then half as many more, which is
where a pruned network mends. The uncompressed one gets the second stage too. One thread throughout; all but "eager"
answer in the same runtime, so that its speed is not taken for that of eight bits.
"""
import copy
import dataclasses
import gzip
import statistics
from collections.abc import Callable

import pandas as pd
import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import as_float, evaluate, predict
from labkit.language import _
from labkit.measure import seconds
from labkit.models.vision import SmallCNN, parameter_count
from labkit.settings import choose
from labkit.training import Recipe, Run
from labkit.trends import distillation, pruning, quantisation

WIDTH, STUDENT = 40, 16         # 42,090 parameters, and 9,930: about a quarter. Multiples of 8: ONNX Runtime works on
                                # blocks of channels, and took longer for 13 of them than for 16
WEIGHTS, CHANNELS, TOGETHER = 0.8, 0.6, 0.5     # the shares that are pruned
LEARNING_RATE, MENDING = 1e-2, 5e-3             # of the two stages
CALIBRATION = 500               # training images from which static quantisation takes its ranges
KINDS = ("single weights", "channels")
SIZES = (1, 256)                # images that are answered at once


def images(data: Dataset) -> Dataset:
    """Grey images with a black border, 32 x 32: ONNX has no pooling to 4 x 4 for sizes that 4 does not divide."""
    return data.as_images(1, 32, 32)


def taught(model: nn.Module | Callable[[], nn.Module], data: Dataset, steps: int, learning_rate: float,
           seed: int) -> nn.Module:
    """The model after `steps` steps on `data`."""
    recipe = Recipe(steps=steps, batch_size=32, learning_rate=learning_rate, schedule="cosine", validate_every=steps,
                    precision="float32", seed=seed)
    run = Run(model, data, recipe, "cpu", threads=1)
    for _step in run:
        pass
    return run.model


def networks(data: Dataset, steps: int, seed: int = 0) -> dict[str, nn.Module]:
    """The uncompressed network and its small ones: float, unstructured, channels, labels, distilled, together.

    `data` are `images`. `together` has the distilled student's weights, fewer channels, and no eight bits yet.
    Nothing is chosen on validation here, so that a few of its images will do; test images are not looked at.
    """
    few = data.validation.first(min(64, len(data.validation)))
    data = dataclasses.replace(data, validation=few, test=few)

    def begun(build: Callable[[], nn.Module], lesson: Dataset = data) -> nn.Module:
        return taught(build, lesson, steps, LEARNING_RATE, seed)

    def mended(model: nn.Module, lesson: Dataset = data) -> nn.Module:
        return pruning.settle(taught(model, lesson, max(1, steps // 2), MENDING, seed + 1))
    start = begun(lambda: SmallCNN(WIDTH, 1))
    found = {"float": mended(copy.deepcopy(start)), "unstructured": mended(pruning.weights(start, WEIGHTS)),
             "channels": mended(pruning.channels(start, CHANNELS)),
             "labels": mended(begun(lambda: SmallCNN(STUDENT, 1)))}
    lesson = distillation.lesson(found["float"], data)
    student = begun(lambda: distillation.Softened(lambda: SmallCNN(STUDENT, 1)), lesson)
    found["distilled"] = mended(student, lesson).student
    smaller = distillation.Softened(pruning.channels(found["distilled"], TOGETHER))
    return found | {"together": mended(smaller, lesson).student}


def files(models: dict[str, nn.Module], data: Dataset) -> dict[str, bytes]:
    """What each network is stored as, and the two kinds of eight bits; `together` gets the static kind."""
    examples = data.train.inputs[:CALIBRATION]
    stored = {name: quantisation.export(model, data.input_shape) for name, model in models.items()}
    stored["together"] = quantisation.static(stored["together"], examples)
    return stored | {"dynamic int8": quantisation.dynamic(stored["float"]),
                     "static int8": quantisation.static(stored["float"], examples)}


def times(stored: dict[str, bytes], eager: nn.Module, pictures: torch.Tensor, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each file for 1 image and for 256, and of `eager` in torch: medians.

    One image is timed `rounds` times, 256 a tenth as often (at least 5 times); all take turns.
    """
    sessions = {name: quantisation.session(file) for name, file in stored.items()}
    found: dict[str, list[float]] = {}
    for size in SIZES:
        batch = as_float(pictures[:size])
        array = batch.numpy()
        calls = {name: lambda runtime=runtime, array=array: quantisation.answer(runtime, array)
                 for name, runtime in sessions.items()}
        calls["eager"] = lambda batch=batch: _eagerly(eager, batch)
        repeats = rounds if size == 1 else max(5, rounds // 10)
        for name, taken in seconds(calls, repeats, warm_up=1).items():
            found.setdefault(name, []).append(1000 * statistics.median(taken))
    return found


def measure(models: dict[str, nn.Module], stored: dict[str, bytes], test: Split, rounds: int = 50) -> list[dict]:
    """A row for each network: its accuracy on `test` (0..1), bytes, gzip-compressed bytes, and milliseconds.

    `eager` is `float` as torch runs it; every other row is measured on the file, in ONNX Runtime.
    """
    model = models["float"].eval()
    milliseconds = times(stored, model, test.inputs, rounds)
    rows = []
    for name in ("eager", "float", *(name for name in stored if name != "float")):
        file = stored["float" if name == "eager" else name]
        answers = predict(model, test.inputs) if name == "eager" else quantisation.logits(file, test.inputs)
        rows.append({"network": name, "accuracy": (answers.argmax(1) == test.targets).double().mean().item(),
                     "bytes": len(file), "gzip": len(gzip.compress(file, mtime=0)),
                     **{f"milliseconds_{size}": taken for size, taken in zip(SIZES, milliseconds[name], strict=True)},
                     "parameters": parameter_count(models.get(name, model))})
    return rows


def names() -> dict[str, str]:
    """What the networks are called in tables and pictures."""
    return {"eager": _("uncompressed, in PyTorch"), "float": _("uncompressed"),
            "unstructured": _("single weights pruned"), "channels": _("channels pruned"),
            "labels": _("small, from labels"), "distilled": _("small, distilled"), "together": _("all three"),
            "dynamic int8": _("dynamic int8"), "static int8": _("static int8")}


def table(rows: list[dict]) -> pd.DataFrame:
    """The rows of `measure` as a reader wants them: kilobytes (1,000 bytes), milliseconds."""
    columns = {"accuracy": _("accuracy"), "parameters": _("parameters"), "bytes": "kB", "gzip": _("kB, gzip"),
               "milliseconds_1": _("ms for 1"), "milliseconds_256": _("ms for 256")}
    frame = pd.DataFrame(rows).assign(network=[names()[row["network"]] for row in rows])
    frame[["bytes", "gzip"]] = (frame[["bytes", "gzip"]] / 1000).round(1)
    frame = frame.round({"accuracy": 4, "milliseconds_1": 3, "milliseconds_256": 1})
    return frame.set_index("network")[list(columns)].rename(columns=columns).rename_axis(None)


def points(rows: list[dict], field: str) -> dict[str, tuple[list[float], list[float]]]:
    """`{name: (values of field, accuracies)}` of networks in ONNX Runtime, a value for each seed, for a picture.

    `rows` are those of one or of several seeds; `bytes` and `gzip` are given in kB.
    """
    unit = 1000 if field in ("bytes", "gzip") else 1
    kept = [row for row in rows if row["network"] != "eager"]
    return {names()[network]: ([row[field] / unit for row in kept if row["network"] == network],
                               [row["accuracy"] for row in kept if row["network"] == network])
            for network in dict.fromkeys(row["network"] for row in kept)}


def recorded(record: dict | None) -> list[dict]:
    """The recorded rows of all seeds, of a record as `labkit.claims.recorded` reads it; none for None."""
    return [run for run in (record or {"runs": []})["runs"] if run["part"] == "compression"]


def falls(model: SmallCNN, test: Split, shares) -> dict[str, list[float]]:
    """Accuracy on `test` after pruning each of `shares`, without training on: of single weights, and of channels."""
    return {kind: [evaluate(pruned(model, kind, share), test).accuracy for share in shares] for kind in KINDS}


def pruned(model: SmallCNN, kind: str, share: float) -> SmallCNN:
    """A copy of the shape of `model`, with `share` of its weights, or of its channels, at 0: one of KINDS."""
    choose("kind", kind, KINDS)
    return pruning.settle((pruning.weights if kind == KINDS[0] else pruning.masked)(model, share))


def _eagerly(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(batch)
