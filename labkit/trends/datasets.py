"""What a label is worth (section 8.1): accuracy against how many examples there are, and how good they are.

Quality is spoilt on purpose, in training pictures of Fashion-MNIST alone: a share of the labels is wrong, half of the
pictures are copies of the other half, or a class is missing. Validation and test stay as they were.
"""
import dataclasses
import math

import numpy as np
import torch

from labkit.applications.pictures import smaller
from labkit.data.dataset import Dataset, Split
from labkit.evaluation import evaluate
from labkit.language import _
from labkit.models.dense import MLP
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

DEFECTS = ("none", "wrong labels", "copies", "a class left out")
CLASSES = 10


def pictures(data: Dataset) -> Dataset:
    """The set that the lab uses: `data` in 14 × 14 pixels, with 400 pictures to validate."""
    return smaller(data.first(validation=400))


def spoilt(train: Split, count: int, defect: str = "none", share: float = 0.0, seed: int = 0) -> Split:
    """`count` training examples, drawn by the seed, with one of DEFECTS.

    wrong labels       a share of them, drawn alike from the nine other classes
    copies             each of the `count` * (1 - share) pictures that remain is there several times, about evenly
    a class left out   as many examples of the other classes; which one is missing is the seed's last digit
    """
    choose("defect", defect, DEFECTS)
    if isinstance(share, bool) or not 0 <= share < 1:
        raise refuse("share", share, _("a number of at least 0 and below 1"))
    draw = np.random.default_rng((seed, 1))
    order = torch.from_numpy(draw.permutation(len(train)))
    if defect == "a class left out":
        order = order[train.targets[order] != seed % CLASSES]
    if not 1 <= count <= len(order):
        raise refuse("count", count, _("1 to {count}").format(count=len(order)))
    rows = order[:count]
    if defect == "copies":
        rows = rows[torch.arange(count) % max(1, round(count * (1 - share)))]
    targets = train.targets[rows].clone()
    if defect == "wrong labels":
        wrong = torch.from_numpy(draw.permutation(count)[:round(share * count)])
        targets[wrong] = (targets[wrong] + torch.from_numpy(draw.integers(1, CLASSES, len(wrong)))) % CLASSES
    return Split(train.inputs[rows], targets)


def train(data: Dataset, examples: Split, steps: int, seed: int = 0, threads: int | None = None) -> float:
    """Test accuracy of a network of one hidden layer trained on `examples`, at the step that was best on validation.

    The validation labels are clean: who buys cheap labels has to check a few.
    """
    recipe = Recipe(steps=steps, batch_size=min(128, len(examples)), learning_rate=1e-2, schedule="cosine",
                    validate_every=max(1, steps // 10), seed=seed)
    run = Run(lambda: MLP(examples.inputs[0].numel(), 64, CLASSES), dataclasses.replace(data, train=examples),
              recipe, "cpu", threads=threads)
    for _step in run:
        pass
    run.load_best()
    return evaluate(run.model, data.test).accuracy


def measure(data: Dataset, cases, steps: int, seed: int = 0, threads: int | None = None) -> list[dict]:
    """A run, as the record holds it, for each (defect, share, count) of `cases`."""
    return [{"part": "datasets", "seed": seed, "defect": defect, "share": share, "count": count,
             "accuracy": train(data, spoilt(data.train, count, defect, share, seed), steps, seed, threads)}
            for defect, share, count in cases]


def grid(counts, shares, others) -> list[tuple[str, float, int]]:
    """The cases that `measure` takes: each share of wrong labels at each count, and the other defects at `others`.

    Copies then make up half of the examples.
    """
    return [("wrong labels", share, count) for share in shares for count in counts] + [
        (defect, 0.5, count) for defect in DEFECTS[2:] for count in others]


def curves(runs: list[dict]) -> dict[str | float, tuple[list[int], list[float]]]:
    """Counts and mean accuracies over the seeds, by share of wrong labels or by the name of another defect.

    `runs` may hold other parts of a record, which are passed over.
    """
    groups = {}
    for run in runs:
        if run["part"] == "datasets":
            key = run["share"] if run["defect"] == "wrong labels" else run["defect"]
            groups.setdefault(key, {}).setdefault(run["count"], []).append(run["accuracy"])
    return {key: (sorted(found), [float(np.mean(found[count])) for count in sorted(found)])
            for key, found in groups.items()}


def worth(found: dict, share: float, count: int) -> float:
    """How many of `count` labels, of which `share` are wrong, do the work of one right label.

    `found` is what `curves` gives. The curve of right labels says how many of them reach the same accuracy; between two
    counts it is taken to rise evenly in their logarithm. NaN where the accuracy lies outside that curve.
    """
    counts, clean = found[0.0]
    accuracy = dict(zip(*found[share], strict=True))[count]
    rising = np.maximum.accumulate(clean)
    if not rising[0] <= accuracy <= rising[-1]:
        return math.nan
    return float(count / np.exp(np.interp(accuracy, rising + 1e-9 * np.arange(len(rising)), np.log(counts))))


def bought(found: dict, share: float, money: float, price: float) -> float:
    """The accuracy that `money` buys in labels at `price` each; NaN outside of the counts that were measured."""
    counts, curve = found[share]
    count = money / price
    if not counts[0] <= count <= counts[-1]:
        return math.nan
    return float(np.interp(math.log(count), np.log(counts), curve))
