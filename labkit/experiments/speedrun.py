"""Chapter 5's ladder: from the document's network to the accuracy that it prints, one idea at a time.

`make ladder` climbs it in turns, two seeds a rung and five on the last, beside the document's own program in Keras, and
writes `chapters/recorded/speedrun.json`.
"""
import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from labkit.data.dataset import Dataset
from labkit.device import core_count
from labkit.evaluation import evaluate
from labkit.language import _
from labkit.models import DocumentCNN, SpeedrunCNN
from labkit.recipes import speedrun
from labkit.training import Recipe, Run

AT_THE_END = 10**9      # steps between validations: the last step has one anyway


@dataclass(frozen=True)
class Rung:
    """A network, built from the training images, and how it is trained; `idea` is what it adds to the one before."""
    idea: str
    network: Callable[[torch.Tensor], nn.Module]
    recipe: Recipe


def _ladder() -> tuple[Rung, ...]:
    document = Recipe(epochs=10, batch_size=32, learning_rate=1e-3, epsilon=1e-7)
    batches = dataclasses.replace(document, batch_size=speedrun.batch_size, learning_rate=3e-3,
                                  schedule=speedrun.schedule, warmup=speedrun.warmup)
    network = dataclasses.replace(batches, epochs=2, validate_every=AT_THE_END)
    half = dataclasses.replace(network, precision="bf16")
    muon = dataclasses.replace(half, optimizer="muon", learning_rate=speedrun.learning_rate,
                               momentum=speedrun.momentum)
    smooth = dataclasses.replace(muon, label_smoothing=speedrun.label_smoothing)
    flips = dataclasses.replace(smooth, augmentation=speedrun.augmentation)
    small = dataclasses.replace(flips, resolutions=speedrun.resolutions)
    third = dataclasses.replace(small, epochs=3)
    return (Rung("the document's network", lambda _images: DocumentCNN(), document),
            Rung("large batches", lambda _images: DocumentCNN(), batches),
            Rung("another network, two passes", lambda _images: SpeedrunCNN(), network),
            Rung("half precision", lambda _images: SpeedrunCNN(), half),
            Rung("whitened patches", SpeedrunCNN, half),
            Rung("Muon", SpeedrunCNN, muon),
            Rung("label smoothing", SpeedrunCNN, smooth),
            Rung("flips", SpeedrunCNN, flips),
            Rung("small images first", SpeedrunCNN, small),
            Rung("a third pass", SpeedrunCNN, third),
            # As many images as in three passes.
            Rung("the hardest third", SpeedrunCNN, dataclasses.replace(third, epochs=speedrun.epochs,
                                                                       hardest=speedrun.hardest)))


LADDER = _ladder()


def climb(rung: Rung, data: Dataset, seed: int, threads: int | None = None) -> dict:
    """Train from the images in memory to the trained network, then open the test set: accuracies and seconds."""
    recipe = dataclasses.replace(rung.recipe, seed=seed)
    began = time.perf_counter()
    run = Run(lambda: rung.network(data.train.inputs), data, recipe, threads=threads or core_count())
    for _step in run:
        pass
    trained = time.perf_counter()
    with torch.autocast(run.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        test = evaluate(run.model, data.test)
        tested = time.perf_counter()
        mirrored = evaluate(run.model, data.test, mirrored=True)
    return {"idea": rung.idea, "seed": seed, "seconds": trained - began, "test_seconds": tested - trained,
            "mirrored_seconds": time.perf_counter() - tested, "steps": len(run.history),
            "threads": run.history.threads, "validation_accuracy": run.history.last("validation_accuracy"),
            "test_accuracy": test.accuracy, "mirrored_accuracy": mirrored.accuracy}


def _by_rung(record: dict, value: Callable[[dict], float], mirrored: Callable[[dict], float]) -> dict[str, list[float]]:
    """`value` of each run by rung, from the document's program in Keras up to `mirrored` of the last rung's runs."""
    found = {"the program in Keras": [value(run) for run in record["document"]["runs"]]}
    for run in record["rungs"]:
        found.setdefault(run["idea"], []).append(value(run))
    last = record["rungs"][-1]["idea"]
    return {**found, "mirror images": [mirrored(run) for run in record["rungs"] if run["idea"] == last]}


def accuracies(record: dict) -> dict[str, list[float]]:
    """The test accuracies of `chapters/recorded/speedrun.json` by rung, a value for each seed.

    The last entry averages each image and its mirror image in the networks of the last rung.
    """
    return _by_rung(record, lambda run: run["test_accuracy"], lambda run: run["mirrored_accuracy"])


def seconds(record: dict) -> dict[str, list[float]]:
    """The seconds from the images in memory to the test accuracy, by rung as in `accuracies`."""
    return _by_rung(record, lambda run: run["seconds"] + run["test_seconds"],
                    lambda run: run["seconds"] + run["mirrored_seconds"])


def table(record: dict):
    """A data frame with a row for each rung: mean seconds, mean test accuracy, lowest and highest of its seeds."""
    import pandas
    took, right = seconds(record), accuracies(record)
    rows = [[statistics.mean(took[idea]), statistics.mean(values), min(values), max(values), len(values)]
            for idea, values in right.items()]
    columns = [_("seconds"), _("test accuracy"), _("lowest"), _("highest"), _("seeds")]
    shown = {columns[0]: "{:.0f}", **dict.fromkeys(columns[1:4], "{:.2%}")}
    frame = pandas.DataFrame(rows, [_(idea) for idea in right], columns)
    return frame.assign(**{name: frame[name].map(form.format) for name, form in shown.items()})


def share(record: dict) -> float:
    """The last rung's mean seconds as a share of those of the document's program."""
    took = seconds(record)
    return statistics.mean(took[record["rungs"][-1]["idea"]]) / statistics.mean(took["the program in Keras"])
