"""Chapter 3's recorded runs: initial scales, batch normalisation, augmentation, schedules, regularisation,
optimizers, and early stopping, each with three seeds on subsets of Fashion-MNIST.

Every set-up that has a learning rate to choose gets a small grid, and the rules choose from it by training or
validation figures. Test figures are measured once, after the last step, and choose nothing.
"""
import copy
import math

import torch
from torch import nn

from labkit.augment import Augmentation
from labkit.data import load
from labkit.evaluation import as_float, evaluate
from labkit.models.dense import MLP, initialise, signal_sizes
from labkit.models.vision import SmallCNN
from labkit.training import Recipe, Run, TrainingError
from labkit.training.randomness import INIT, seeded

SEEDS = (0, 1, 2)
DEPTH, WIDTH = 20, 128                                  # of the networks whose initial scale is varied
RANDOM = (0.01, 0.03, 0.1, 0.3, 1.0)                    # standard deviations: half decades over two decades
SCALES = (0.0, *RANDOM, "xavier", "he")
ADAPTIVE = (3e-4, 1e-3, 3e-3, 1e-2)                     # each grid has four rates, half a decade apart
OPTIMIZERS = {"sgd": (3e-2, 1e-1, 3e-1, 1.0), "momentum": (3e-3, 1e-2, 3e-2, 1e-1),
              "rmsprop": ADAPTIVE, "adam": ADAPTIVE, "adamw": ADAPTIVE}
NORMS = ("without", "batch norm", "batch norm, unsettled")
NORM_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
LOOK_EVERY = 10                                         # steps between two looks at the moments
SCHEDULES = ("constant", "step", "cosine", "one-cycle")
SCHEDULE_RATES = (1e-3, 3e-3, 1e-2)
PENALTIES = {"none": (0.0,), "L2": (1e-4, 1e-3, 1e-2, 3e-2), "L1": (1e-5, 1e-4, 3e-4, 1e-3)}
SIZES = (500, 4000)                                     # training images, with and without augmentation
DOCUMENTS_AUGMENTATION = Augmentation(rotate=10, scale=0.1, crop=2)     # the document: rotation, scaling, cropping
NEAR_ZERO = 1e-3                                        # a weight of at most this size counts as near zero


def record(path: str | None = None, seeds=SEEDS, share: float = 1.0) -> dict:
    """All experiments of the chapter; `share` scales the number of steps, for tests."""
    data = load("fashion-mnist", path=path)
    runs = []
    for seed in seeds:
        for experiment in (initial_scales, batch_norm, augmentation, schedules, penalties, optimizers, early_stopping):
            print(f"{experiment.__name__}, seed {seed}", flush=True)
            runs += [{"experiment": experiment.__name__, "seed": seed, **run} for run in experiment(data, seed, share)]
    return {"data": {"name": data.name, "sha256": data.sha256, "note": data.note}, "seeds": list(seeds),
            "near_zero": NEAR_ZERO, "runs": runs}


def initial_scales(data, seed: int, share: float = 1.0):
    """C3.1: a network of 20 dense layers before training, and the best that 120 steps at three rates make of it."""
    for scale in SCALES:
        def build(scale=scale):
            return initialise(MLP(784, *[WIDTH] * (DEPTH - 1), 10), scale)
        with seeded(torch.device("cpu"), seed, INIT):
            sizes = signal_sizes(build(), as_float(data.train.inputs[:256]), data.train.targets[:256])
        accuracies = {}
        for rate in (1e-3, 1e-2, 1e-1):
            recipe = Recipe(steps=_steps(120, share), batch_size=64, optimizer="momentum", learning_rate=rate,
                            seed=seed)
            run, diverged = _trained(build, data, recipe)
            accuracies[rate] = 0.0 if diverged else run.history.last("validation_accuracy")
        best = max(accuracies, key=accuracies.get)
        yield {"scale": scale, **sizes, "learning_rate": best, "validation_accuracy": accuracies[best]}


class Unsettle(nn.Module):
    """Moves the mean and the spread of each unit at random, anew at each forward pass in training.

    After a batch normalisation this keeps its scaling of the gradient and takes away the steady moments (after
    Santurkar et al. 2018, figure 2, who add noise for each example as well).
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        shift, spread = torch.randn(2, x.shape[1])
        return x * (0.25 * spread).exp() + 0.5 * shift


def batch_norm(data, seed: int, share: float = 1.0):
    """C3.2: a network with six hidden layers by plain SGD, with, without, and with unsettled batch normalisation."""
    probe = as_float(data.train.inputs[:512])

    def build(norm):
        model = initialise(MLP(784, *[64] * 6, 10, batch_norm=norm != "without"), "he")
        if norm == "batch norm, unsettled":
            model.norms = nn.ModuleList(nn.Sequential(layer, Unsettle()) for layer in model.norms)
        return model
    for norm in NORMS:
        for rate in NORM_RATES:
            moments = []

            def watch(model, step, moments=moments):
                if step % LOOK_EVERY == 0:
                    moments.append(_moments(model, probe))
            recipe = Recipe(steps=_steps(300, share), batch_size=64, optimizer="sgd", learning_rate=rate, seed=seed)
            run, diverged = _trained(lambda norm=norm: build(norm), data, recipe, watch)
            yield {"norm": norm, "learning_rate": rate, "steps": recipe.steps, "diverged": diverged,
                   "steps_to_loss": _steps_to(run.history["train_loss"], 0.6), "drift": drift(moments),
                   "validation_accuracy": None if diverged else run.history.last("validation_accuracy")}


def drift(moments: list[tuple[torch.Tensor, torch.Tensor]]) -> float | None:
    """How far a layer's moments move from one look to the next, in standard deviations; None with under two looks.

    `moments` holds the mean and the standard deviation of each unit. A move is the root mean square over units of both
    changes, divided by the root mean square of the standard deviations; returned is its mean over all looks.
    """
    moves = [((mean - mean_before).square() + (spread - spread_before).square()).mean().sqrt()
             / spread_before.square().mean().sqrt()
             for (mean_before, spread_before), (mean, spread) in zip(moments, moments[1:], strict=False)]
    return torch.stack(moves).mean().item() if moves else None


def augmentation(data, seed: int, share: float = 1.0):
    """C3.3: 500 and 4,000 training images, with the document's three operations and without."""
    for images in SIZES:
        small = data.first(train=images)
        for name, change in (("without", None), ("with", DOCUMENTS_AUGMENTATION)):
            recipe = Recipe(steps=_steps(1000, share), augmentation=change, validate_every=100, seed=seed)
            run, diverged = _trained(_cnn, small, recipe)
            yield {"images": images, "augmentation": name, **_scores(run, small, diverged)}


def schedules(data, seed: int, share: float = 1.0):
    """C3.4: four schedules of the same 800 steps on 1,000 images, long enough to overfit, at three peak rates."""
    small = data.first(train=1000)
    for schedule in SCHEDULES:
        for rate in SCHEDULE_RATES:
            recipe = Recipe(steps=_steps(800, share), schedule=schedule, learning_rate=rate, validate_every=40,
                            seed=seed)
            run, diverged = _trained(_cnn, small, recipe)
            yield {"schedule": schedule, "learning_rate": rate, "steps": recipe.steps, "best_step": run.best_step,
                   **_scores(run, small, diverged)}


def penalties(data, seed: int, share: float = 1.0):
    """C3.5: L1 and L2 of several strengths on a dense network with 1,000 images."""
    small = data.first(train=1000)
    for penalty, strengths in PENALTIES.items():
        for strength in strengths:
            recipe = Recipe(steps=_steps(1500, share), optimizer="momentum", learning_rate=0.03, seed=seed,
                            **{"L1": {"l1": strength}, "L2": {"weight_decay": strength}}.get(penalty, {}))
            run, diverged = _trained(lambda: initialise(MLP(784, 128, 128, 10), "he"), small, recipe)
            weights = torch.cat([layer.weight.detach().flatten() for layer in run.model.layers])
            yield {"penalty": penalty, "strength": strength, **_scores(run, small, diverged),
                   "near_zero": (weights.abs() <= NEAR_ZERO).double().mean().item(),
                   "exactly_zero": (weights == 0).double().mean().item()}


def optimizers(data, seed: int, share: float = 1.0):
    """C3.6: five optimizers over 350 steps on all training images, each at four rates."""
    for optimizer, rates in OPTIMIZERS.items():
        for rate in rates:
            recipe = Recipe(steps=_steps(350, share), optimizer=optimizer, learning_rate=rate, seed=seed)
            run, diverged = _trained(_cnn, data, recipe)
            yield {"optimizer": optimizer, "learning_rate": rate, "steps": recipe.steps,
                   "steps_to_loss": _steps_to(run.history["train_loss"], 0.7), **_scores(run, data, diverged)}


def early_stopping(data, seed: int, share: float = 1.0):
    """C3.7: a run that is far too long for its 1,000 images; the model at the lowest validation loss and the last."""
    small = data.first(train=1000)
    recipe = Recipe(steps=_steps(1600, share), learning_rate=3e-3, validate_every=20, seed=seed)
    run, diverged = _trained(_cnn, small, recipe)
    yield {"kept": "last", "step": recipe.steps, **_scores(run, small, diverged)}
    yield {"kept": "best", "step": run.load_best(), **_scores(run, small, diverged)}


def _cnn() -> nn.Module:
    return SmallCNN(16, channels=1)


def _steps(count: int, share: float) -> int:
    return max(2, math.ceil(count * share))


def _trained(build, data, recipe: Recipe, watch=None) -> tuple[Run, bool]:
    """A run drained, and whether it diverged. One thread, since these networks are small."""
    run = Run(build, data, recipe, threads=1)
    try:
        for step in run:
            if watch is not None:
                watch(run.model, step.index)
    except TrainingError:
        return run, True
    return run, False


def _scores(run: Run, data, diverged: bool) -> dict:
    """Loss and accuracy on all three splits; None for each where the run diverged."""
    scores = {"diverged": diverged}
    for name in ("train", "validation", "test"):
        split = getattr(data, name)
        found = None if diverged else evaluate(run.model, split.first(min(2000, len(split))))
        scores[f"{name}_loss"] = found and found.loss
        scores[f"{name}_accuracy"] = found and found.accuracy
    return scores


def _steps_to(losses, level: float) -> int | None:
    """The first step at which the mean of the last 20 losses is below `level`; None if there is none."""
    means = torch.from_numpy(losses).unfold(0, 20, 1).mean(1) if len(losses) >= 20 else torch.empty(0)
    below = (means < level).nonzero()
    return below[0].item() + 20 if len(below) else None


def _moments(model: MLP, probe: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each input of the fourth layer, seen as in training; `model` stays as it is."""
    with torch.no_grad():
        spread, mean = torch.std_mean(copy.deepcopy(model).train().hidden(probe)[2], dim=0)
    return mean, spread
