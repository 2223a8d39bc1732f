"""Models that are fused: an ensemble of several answers, and averages of weights.

An ensemble asks all its members and averages what they say (Hansen & Salamon 1990; Lakshminarayanan et al. 2017, "Deep
ensembles", section 2.4). Averaged weights are one network, which costs one inference. Along one run this is stochastic
weight averaging (Izmailov et al. 2018). Of networks trained apart it fails: nothing makes hidden unit 7 of one do the
work of hidden unit 7 of another.
"""
import itertools
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.measure import seconds
from labkit.models.dense import MLP
from labkit.settings import choose
from labkit.training import Recipe, Run
from labkit.training.recipe import whole

HIDDEN, CLASSES = 64, 10        # numbers: units of each of two hidden layers, classes
FUSIONS = ("probabilities", "logits", "votes")
APART = 1000                    # seeds between the first members of two ensembles


def network(data: Dataset, hidden: int = HIDDEN) -> MLP:
    """A network with two hidden layers for the images of `data`."""
    return MLP(data.train.inputs[0].numel(), hidden, hidden, CLASSES)


def train(data: Dataset, seed: int = 0, steps: int = 300, hidden: int = HIDDEN) -> nn.Module:
    """A network trained with Adam on batches of 64, with the weights that had the lowest validation loss.

    The seed decides its first weights and the order of its examples. `data` are images of 10 classes.
    """
    recipe = Recipe(steps=steps, batch_size=64, validate_every=max(1, steps // 10), seed=seed)
    run = Run(lambda: network(data, hidden), data, recipe, "cpu", threads=1)
    for _step in run:
        pass
    run.load_best()
    return run.model


@dataclass(frozen=True)
class Members:
    """Networks, and their logits (members, N, classes) on the validation and on the test split."""
    models: list[nn.Module]
    validation: torch.Tensor
    test: torch.Tensor


def members(data: Dataset, count: int = 5, seed: int = 0, steps: int = 300, hidden: int = HIDDEN) -> Members:
    """Train `count` networks apart, from the seeds 1000 `seed` and on: ensembles of two seeds share no member."""
    whole("count", count, 1)
    models = [train(data, APART * seed + member, steps, hidden) for member in range(count)]
    return Members(models, *(torch.stack([predict(model, split.inputs) for model in models])
                             for split in (data.validation, data.test)))


def fuse(logits: torch.Tensor, how: str = "probabilities") -> torch.Tensor:
    """One answer (N, classes) from the logits (members, N, classes); its largest number names the class.

    how     "probabilities" and "logits" average these. "votes" counts the classes that members name; of classes with
            equally many votes the one with the higher mean probability is taken.
    """
    choose("how", how, FUSIONS)
    if how == "logits":
        return logits.mean(0)
    probabilities = logits.softmax(-1).mean(0)
    if how == "probabilities":
        return probabilities
    return F.one_hot(logits.argmax(-1), logits.shape[-1]).sum(0) + probabilities / 2        # less than one vote


def accuracy(answer: torch.Tensor, targets: torch.Tensor) -> float:
    """The share of `answer` (N, classes) whose largest number names the target."""
    return (answer.argmax(-1) == targets).double().mean().item()


def score(model: nn.Module, split: Split) -> float:
    """The accuracy of one network on a split."""
    return accuracy(predict(model, split.inputs), split.targets)


def best(found: Members, data: Dataset) -> int:
    """The member with the highest accuracy on validation, the first of several."""
    scores = [accuracy(logits, data.validation.targets) for logits in found.validation]
    return scores.index(max(scores))


def growth(logits: torch.Tensor, targets: torch.Tensor, how: str = "probabilities") -> list[float]:
    """The accuracy of an ensemble of one, of two, ... of all: the mean over all that these members can form."""
    return [statistics.mean(accuracy(fuse(logits[list(chosen)], how), targets)
                            for chosen in itertools.combinations(range(len(logits)), count))
            for count in range(1, len(logits) + 1)]


def soup(models: Iterable[nn.Module]) -> nn.Module:
    """One network with the mean of the weights of all (torch's `AveragedModel`); they stay as they are."""
    averaged = None
    for model in models:
        averaged = averaged or AveragedModel(model)
        averaged.update_parameters(model)
    return averaged.module


def along(data: Dataset, count: int = 5, seed: int = 0, steps: int = 300, hidden: int = HIDDEN,
          rate: float = 3e-3) -> list[nn.Module]:
    """`count` checkpoints of the second half of one run, evenly spaced, the last one at its end.

    The learning rate is constant and three times that of `train`, so that the weights keep moving about.
    """
    whole("count", count, 1)
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=rate, validate_every=steps, seed=APART * seed)
    kept, moments = [], {steps - place * steps // (2 * count) for place in range(count)}
    run = Run(lambda: network(data, hidden), data, recipe, "cpu", threads=1)
    for step in run:
        if step.index in moments:
            kept.append(soup([run.model]))
    return kept


def curves(found: Members, checkpoints: list[nn.Module], split: Split) -> dict[str, list[float]]:
    """Accuracy on the test split when 1, 2, ... are averaged, by what is averaged.

    Of answers, the mean over all ensembles of so many members; of weights, the first members and the last checkpoints.
    """
    grown = {how: growth(found.test, split.targets, how) for how in FUSIONS}
    for name, models in (("weights", found.models), ("weights along one run", checkpoints[::-1])):
        grown[name] = [score(soup(models[:count]), split) for count in range(1, len(models) + 1)]
    return grown


def equal(data: Dataset, count: int, hidden: int = HIDDEN) -> int:
    """The width of one network with as many parameters as `count` of this width have together, or a few fewer."""
    def parameters(units: int) -> int:
        return units * (data.train.inputs[0].numel() + 1 + units + 1 + CLASSES) + CLASSES
    width = hidden
    while parameters(width + 1) <= count * parameters(hidden):
        width += 1
    return width


def latency(models: list[nn.Module], images: torch.Tensor, rounds: int = 20) -> dict[int, float]:
    """Seconds until 1, 2, ... all of these networks have answered one batch of images: the fastest of `rounds`."""
    calls = {count: lambda count=count: [predict(model, images) for model in models[:count]]
             for count in range(1, len(models) + 1)}
    return {count: min(times) for count, times in seconds(calls, rounds).items()}
