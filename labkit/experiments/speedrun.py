"""Chapter 5's ladder: from the document's network to the accuracy that it prints, one idea at a time.

`make ladder` climbs it in turns, two seeds a rung and five on the last two, beside the document's own program in Keras,
and writes `chapters/recorded/speedrun.json`.
"""
import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from labkit.augment import Augmentation
from labkit.data.dataset import Dataset
from labkit.device import core_count
from labkit.evaluation import evaluate
from labkit.language import _
from labkit.models import DocumentCNN, SpeedrunCNN
from labkit.recipes import speedrun
from labkit.training import Recipe, Run

KERAS = "the program in Keras"
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
    half = dataclasses.replace(network, precision="fast")
    muon = dataclasses.replace(half, optimizer="muon", learning_rate=speedrun.learning_rate,
                               momentum=speedrun.momentum)
    smooth = dataclasses.replace(muon, label_smoothing=speedrun.label_smoothing)
    flips = dataclasses.replace(smooth, augmentation=Augmentation(flip=0.5))
    small = dataclasses.replace(flips, resolutions=speedrun.resolutions)
    third = dataclasses.replace(small, epochs=3)
    hardest = dataclasses.replace(third, epochs=speedrun.epochs, hardest=speedrun.hardest)
    mirrored = dataclasses.replace(hardest, augmentation=None)      # a flip changes nothing for the last network

    def free(images: torch.Tensor | None = None) -> SpeedrunCNN:
        return SpeedrunCNN(images, mirrored=False)
    return (Rung("the document's network", lambda _images: DocumentCNN(), document),
            Rung("large batches", lambda _images: DocumentCNN(), batches),
            Rung("another network, two passes", lambda _images: free(), network),
            Rung("half precision", lambda _images: free(), half),
            Rung("whitened patches", free, half),
            Rung("Muon", free, muon),
            Rung("label smoothing", free, smooth),
            Rung("flips", free, flips),
            Rung("small images first", free, small),
            Rung("a third pass", free, third),
            Rung("easy images leave", free, hardest),
            Rung("mirrored filters", SpeedrunCNN, mirrored))


LADDER = _ladder()


def climb(rung: Rung, data: Dataset, seed: int, threads: int | None = None) -> dict:
    """Train from the images in memory to the trained network, then open the test set: accuracies and seconds."""
    recipe = dataclasses.replace(rung.recipe, seed=seed)
    began = time.perf_counter()
    run = Run(lambda: rung.network(data.train.inputs), data, recipe, threads=threads or core_count())
    for _step in run:
        pass
    trained = time.perf_counter()
    with recipe.autocast(run.device):
        test = evaluate(run.model, data.test)
        tested = time.perf_counter()
        mirrored = evaluate(run.model, data.test, mirrored=True)
    return {"idea": rung.idea, "seed": seed, "seconds": trained - began, "test_seconds": tested - trained,
            "mirrored_seconds": time.perf_counter() - tested, "steps": len(run.history),
            "threads": run.history.threads, "validation_accuracy": run.history.last("validation_accuracy"),
            "test_accuracy": test.accuracy, "mirrored_accuracy": mirrored.accuracy}


def by_rung(record: dict, value: Callable[[dict], float | None]) -> dict[str, list]:
    """`value` of each run of `chapters/recorded/speedrun.json`, from the program in Keras up, rung by rung."""
    found = {KERAS: [value(run) for run in record["document"]["runs"]]}
    for run in record["rungs"]:
        found.setdefault(run["idea"], []).append(value(run))
    return found


def accuracies(record: dict) -> dict[str, list[float]]:
    """The test accuracies by rung, a value for each seed."""
    return by_rung(record, lambda run: run["test_accuracy"])


def mirrored(record: dict) -> dict[str, list[float | None]]:
    """The same with the outputs for an image and its mirror image averaged; None for the program in Keras."""
    return by_rung(record, lambda run: run.get("mirrored_accuracy"))


def seconds(record: dict) -> dict[str, list[float]]:
    """The seconds from the images in memory to the test accuracy, by rung; to `mirrored` it is about one more."""
    return by_rung(record, lambda run: run["seconds"] + run["test_seconds"])


def table(record: dict):
    """A data frame with a row for each rung: means of seconds and accuracies, lowest and highest accuracy, seeds."""
    import pandas
    took, twice = seconds(record), mirrored(record)
    rows = [[statistics.mean(took[idea]), statistics.mean(values), min(values), max(values),
             math.nan if idea == KERAS else statistics.mean(twice[idea]), len(values)]
            for idea, values in accuracies(record).items()]
    columns = [_("seconds"), _("test accuracy"), _("lowest"), _("highest"), _("mirror images averaged"), _("seeds")]
    shown = {columns[0]: "{:.0f}", **dict.fromkeys(columns[1:5], "{:.2%}")}
    frame = pandas.DataFrame(rows, [_(idea) for idea in took], columns)
    return frame.assign(**{name: frame[name].map(form.format, na_action="ignore") for name, form in shown.items()}
                        ).fillna("–")


def share(record: dict, idea: str, mirror_images: bool = False) -> float:
    """A rung's mean seconds, until the accuracy with mirror images if asked, as a share of those of the program."""
    test = "mirrored_seconds" if mirror_images else "test_seconds"
    took = by_rung(record, lambda run: run["seconds"] + run.get(test, run["test_seconds"]))
    return statistics.mean(took[idea]) / statistics.mean(took[KERAS])
