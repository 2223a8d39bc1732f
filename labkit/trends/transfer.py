"""From one domain to another (section 8.1): a network that learned clothes, taught to read digits from few labels.

The first domain is Fashion-MNIST, grey photographs of garments. The second is scikit-learn's digits: 1,797 handwritten
ones, 8 × 8 pixels of 17 greys, from 13 people (the test set of Alpaydin & Kaynak 1998). Both are light on dark and of
one size here, 28 × 28; in what they show and how it was made they have nothing in common.

Four ways to use the labels of the second domain, with one network and the same steps; and one without a network.
"""
import copy
import dataclasses
import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.device import eval_mode, one_blas_thread
from labkit.evaluation import as_float, evaluate
from labkit.models.vision import SmallCNN
from labkit.settings import choose
from labkit.training import Recipe, Run

WAYS = ("from scratch", "random, frozen", "pre-trained, frozen", "pre-trained, fine-tuned", "pixels alone")
VALIDATION, TEST, WIDTH = 200, 597, 8


def digits(seed: int = 0) -> Dataset:
    """1,000 digits to train on, 200 to validate, 597 to test, in an order that the seed decides.

    uint8 (N, 1, 28, 28): the 8 × 8 pixels are enlarged to 24 × 24, smoothly, and have a dark border of 2.
    """
    import hashlib

    from sklearn.datasets import load_digits
    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    images = torch.from_numpy(found.images[order] * (255 / 16)).float().unsqueeze(1)
    large = F.pad(F.interpolate(images, size=24, mode="bilinear"), (2, 2, 2, 2)).round().to(torch.uint8)
    whole = Split(large, torch.from_numpy(found.target[order]).long())
    cuts = [len(whole) - VALIDATION - TEST, VALIDATION, TEST]
    parts = [Split(*part) for part in zip(whole.inputs.split(cuts), whole.targets.split(cuts), strict=True)]
    return Dataset("digits", *parts, tuple(map(str, range(10))), "CC BY 4.0",
                   "https://archive.ics.uci.edu/dataset/80", hashlib.sha256(found.images.tobytes()).hexdigest(),
                   "8 × 8 pixels, enlarged")


def network() -> nn.Module:
    """The network of both domains: `SmallCNN`, two convolutions and a dense layer."""
    return SmallCNN(WIDTH, channels=1)


def pretraining(garments: Dataset, steps: int, seed: int = 0, threads: int | None = None) -> Run:
    """A `Run` that learns the first domain."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=3e-3, schedule="cosine", validate_every=steps, seed=seed)
    return Run(network, garments, recipe, "cpu", threads=threads)


def learn(way: str, start: nn.Module | None, second: Dataset, labels: int, steps: int, seed: int = 0,
          threads: int | None = None) -> float:
    """Accuracy on the second domain's test part after learning from its first `labels` examples in one of WAYS.

    `start` is the pre-trained network; ways that do without it ignore it. A frozen network gives features, and a
    logistic regression learns from those; the number of labels and the seed are all that the ways share.
    """
    choose("way", way, WAYS)
    few = second.train.first(labels)
    if way == "pixels alone":
        return _regression(nn.Flatten(), few, second.test)
    if way == "pre-trained, frozen":
        return _regression(body(start), few, second.test)
    recipe = Recipe(steps=steps, batch_size=min(32, labels), learning_rate=1e-2, schedule="cosine",
                    validate_every=steps, seed=seed)
    begin = functools.partial(_with_body_of, start) if way == "pre-trained, fine-tuned" else network
    run = Run(begin, dataclasses.replace(second, train=few), recipe, "cpu", threads=threads)
    if way == "random, frozen":
        return _regression(body(run.model), few, second.test)
    for _step in run:
        pass
    return evaluate(run.model, second.test).accuracy


def body(model: nn.Module) -> nn.Module:
    """The model without its dense layer: images to features (N, features)."""
    found = copy.deepcopy(model)
    found.dense = nn.Identity()
    return found


def _with_body_of(start: nn.Module) -> nn.Module:
    """A copy of `start` with a new dense layer: the old classes mean nothing in the second domain."""
    found = copy.deepcopy(start)
    found.dense = network().dense
    return found


def _regression(features: nn.Module, few: Split, test: Split) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    with eval_mode(features), torch.inference_mode():
        seen, new = (features(as_float(split.inputs)).numpy() for split in (few, test))
    scale = StandardScaler().fit(seen)
    with one_blas_thread():
        model = LogisticRegression(C=0.1, max_iter=200, tol=1e-3).fit(scale.transform(seen), few.targets.numpy())
    return float(model.score(scale.transform(new), test.targets.numpy()))


def compare(start: nn.Module, second: Dataset, counts, steps: int, seed: int = 0,
            threads: int | None = None) -> dict[str, list[float]]:
    """Accuracy by way, one for each number of labels in `counts`."""
    return {way: [learn(way, start, second, labels, steps, seed, threads) for labels in counts] for way in WAYS}


def labels_worth(counts, scratch: list[float], other: list[float], accuracy: float) -> float:
    """How many labels `scratch` needs for each one that `other` needs, to reach `accuracy`; NaN if one does not.

    Between two counts the accuracy is taken to rise evenly in the logarithm of the labels.
    """
    needed = []
    for curve in (scratch, other):
        rising = np.maximum.accumulate(curve)
        if not rising[0] < accuracy <= rising[-1]:
            return float("nan")
        needed.append(np.exp(np.interp(accuracy, rising + 1e-9 * np.arange(len(rising)), np.log(counts))))
    return float(needed[0] / needed[1])
