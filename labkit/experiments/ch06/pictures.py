"""C6.2 and the product of section 6.2: plain and residual networks by depth, two kinds of block by FLOPs, an outcome.

Everything is Fashion-MNIST. The depth sweep asks what He et al. (2016) asked: whether a deeper network fits its
*training* images worse. Plain and residual networks have the same weights at the start, batch normalisation, recipe,
batches and number of steps, and each is taken at the better of two rates.
"""
import dataclasses
import math
import statistics

import torch
import torch.nn.functional as F
from torch import nn

from labkit.applications import pictures
from labkit.data import load
from labkit.device import threads
from labkit.evaluation import as_float, evaluate
from labkit.measure import seconds
from labkit.models.residual import BlockNet, ConvBlock, EfficientBlock, ResidualNet, flops
from labkit.training import Recipe, Run, TrainingError
from labkit.training.randomness import INIT, seeded

DEPTHS = (8, 20, 56)            # layers; 20 and 56 are those of the paper's figure 1
WIDTH = 16                      # channels, as in the paper's first stage
RATES = (0.03, 0.1)             # the paper's is 0.1
KINDS = {"plain": False, "residual": True}
BLOCKS = {"convolution": (ConvBlock, (6, 8, 12, 16)), "efficient": (EfficientBlock, (8, 12, 16, 20))}  # and widths
ADAM = 0.03                     # better than 0.01 for both blocks and the product, on validation images of another seed
IMAGES = 4000                   # that the depth sweep fits; 2,000 of them are looked at again afterwards


def data() -> list[dict]:
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, share: float = 1.0) -> list[dict]:
    """All figures of one seed; `share` scales the number of steps, for tests."""
    whole = load("fashion-mnist")
    small = pictures.smaller(whole)
    found = [*depth(small.first(train=min(IMAGES, len(small.train))), seed, share),
             *gradients(small, seed), *blocks(small, seed, share), product(whole, seed, share)]
    return [{**run, "seed": seed} for run in found]


def depth(small, seed: int, share: float = 1.0):
    """C6.2: what 200 steps make of both kinds at each depth and rate. A run that diverged has accuracies of 0."""
    for layers in DEPTHS:
        for kind, skips in KINDS.items():
            for rate in RATES:
                run = Run(lambda layers=layers, skips=skips: ResidualNet(layers, WIDTH, skips), small,
                          _recipe(200, share, seed, optimizer="momentum", learning_rate=rate, weight_decay=1e-4),
                          "cpu", threads=1)
                diverged = False
                try:
                    _drain(run)
                except TrainingError:
                    diverged = True
                accuracies = {f"{name}_accuracy": 0.0 if diverged else
                              evaluate(run.model, split.first(min(2000, len(split)))).accuracy
                              for name, split in (("train", small.train), ("test", small.test))}
                yield {"part": "picture_depth", "depth": layers, "kind": kind, "learning_rate": rate, **accuracies}


def gradients(small, seed: int):
    """The norm of the gradient of each convolution's weights before training, on 256 images."""
    images, targets = as_float(small.train.inputs[:256]), small.train.targets[:256]
    for kind, skips in KINDS.items():
        with seeded(torch.device("cpu"), seed, INIT):
            model = ResidualNet(DEPTHS[-1], WIDTH, skips)
        weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Conv2d)]
        sizes = torch.autograd.grad(F.cross_entropy(model(images), targets), weights)
        yield {"part": "picture_gradients", "depth": DEPTHS[-1], "kind": kind,
               "gradients": [size.double().norm().item() for size in sizes]}


def blocks(small, seed: int, share: float = 1.0):
    """Networks of three blocks of each kind at several widths: FLOPs, seconds and accuracy.

    All get the same 250 steps. FLOPs and seconds are those of one picture through the trained network, the seconds
    in batches of 64; the widths cover about the same range of FLOPs with both kinds.
    """
    trained = {}
    for kind, (block, widths) in BLOCKS.items():
        for width in widths:
            run = Run(lambda block=block, width=width: BlockNet(block, 3, width), small,
                      _recipe(250, share, seed, learning_rate=ADAM), "cpu", threads=1)
            trained[kind, width] = _drain(run).eval()
    batch = as_float(small.test.inputs[:64])
    with torch.inference_mode(), threads(1):
        times = seconds({key: lambda model=model: model(batch) for key, model in trained.items()})
    for (kind, width), model in trained.items():
        yield {"part": "picture_blocks", "kind": kind, "width": width, "flops": flops(model, small.input_shape),
               "seconds": statistics.median(times[kind, width]) / len(batch),
               "test_accuracy": evaluate(model, small.test).accuracy}


def product(whole, seed: int, share: float = 1.0) -> dict:
    """A residual network of eight layers on all training pictures, against logistic regression on their pixels."""
    run = Run(lambda: ResidualNet(8, WIDTH), whole, _recipe(1000, share, seed, learning_rate=ADAM), "cpu",
              threads=1)
    _drain(run)
    simple = pictures.baseline_accuracy(pictures.baseline(whole.train), whole.test)
    return {"part": "outcome", **dataclasses.asdict(pictures.outcome_of(run, simple))}


def _recipe(steps: int, share: float, seed: int, **values) -> Recipe:
    return Recipe(steps=max(2, math.ceil(steps * share)), batch_size=64, schedule="cosine", warmup=0.05,
                  validate_every=10_000, seed=seed, **values)


def _drain(run: Run) -> nn.Module:
    for _step in run:
        pass
    return run.model
