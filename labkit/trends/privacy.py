"""Who was in the training set? Two attacks on a model, and training whose guarantee bounds every attack (section 8.2).

A membership attack gets a person's record and the model, and says whether the model was trained on it. The people are
pictures here. Models come in pairs that exchange members and outsiders, so that each person is a member of exactly half
of the models, and members differ from outsiders in nothing but that.

The private training is DP-SGD (Abadi et al. 2016): each member is in a step with the chance RATE, by itself (Poisson
sampling, which the accountant assumes); each one's gradient is clipped to a norm; their sum gets noise. Clipping and
noise are opacus's, with ghost clipping (Li et al. 2022), and so is the accountant. Its engine and loader of data are
left aside: drawing one record after the other takes longer than the training.
"""
import copy
import dataclasses
import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score, roc_curve
from torch import nn

from labkit.applications.pictures import smaller
from labkit.data.dataset import Dataset, Split
from labkit.evaluation import as_float, evaluate, predict
from labkit.language import _
from labkit.models.dense import MLP
from labkit.settings import refuse
from labkit.training.randomness import INIT, ORDER, mixed, seeded

HIDDEN, RATE, CLIP, LEARNING_RATE, MOMENTUM = 64, 0.5, 1.0, 0.3, 0.9
FALSE_ALARMS = 0.01
SHADOWS = 6         # models that the attack by likelihood ratio needs, at least
WHOLE = (*range(2, 33), *range(40, 129, 8), *range(160, 513, 32))       # orders of Rényi divergence
BETWEEN = (1.01, 1.02, 1.05, *(1 + tenth / 10 for tenth in range(1, 10)), 2.5, 3.5)


def people(data: Dataset, seed: int = 0, count: int = 1000) -> Split:
    """`count` training pictures of `data`, drawn by the seed: float32 (count, 1, 14, 14) in 0..1."""
    if count % 2 or not 4 <= count <= len(data.train):
        raise refuse("count", count, _("an even number from 4 to {most}").format(most=len(data.train)))
    rows = torch.from_numpy(np.random.default_rng(seed).permutation(len(data.train))[:count])
    train = smaller(dataclasses.replace(data.first(None, 1, 1), train=only(data.train, rows))).train
    return Split(as_float(train.inputs), train.targets)


def members(count: int, models: int, seed: int = 0) -> torch.Tensor:
    """Who is in the training set of each model: bool (models, count), half of the people in each.

    Models 2i and 2i + 1 exchange members and outsiders.
    """
    if models % 2 or models < 2:
        raise refuse("models", models, _("an even number of at least 2"))
    draw = np.random.default_rng((seed, count))
    chosen = np.zeros((models, count), dtype=bool)
    for pair in range(0, models, 2):
        chosen[pair, draw.permutation(count)[:count // 2]] = True
        chosen[pair + 1] = ~chosen[pair]
    return torch.from_numpy(chosen)


def only(crowd: Split, inside: torch.Tensor) -> Split:
    """The people of `inside`, a mask (count,) or rows."""
    return Split(crowd.inputs[inside], crowd.targets[inside])


def plain(members_of: Split, stops: list[int], seed: int = 0, index: int = 0) -> dict[int, nn.Module]:
    """Ordinary training on all of `members_of`: a copy of the model after each number of steps in `stops`.

    `index` tells models of one seed apart. Batches are drawn as `private` draws them.
    """
    model, draw = _start(members_of, seed, index)
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM)
    copies = {}
    for step in range(1, max(stops) + 1):
        inputs, targets = _batch(members_of, draw)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        if step in stops:
            copies[step] = copy.deepcopy(model)
    return copies


def private(members_of: Split, noise: float, steps: int, seed: int = 0, index: int = 0) -> nn.Module:
    """DP-SGD: noise of standard deviation `noise` × CLIP on each step's sum of clipped gradients.

    The sum is divided by the number of members that a step has on average. `epsilon` says what it guarantees.
    """
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
    _above_zero(noise=noise, steps=steps)
    model, draw = _start(members_of, seed, index)
    wrapped = GradSampleModuleFastGradientClipping(model, max_grad_norm=CLIP, use_ghost_clipping=True)
    optimizer = DPOptimizerFastGradientClipping(
        torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM), noise_multiplier=noise,
        max_grad_norm=CLIP, expected_batch_size=RATE * len(members_of), generator=draw)
    loss = DPLossFastGradientClipping(wrapped, optimizer, nn.CrossEntropyLoss())
    for _step in range(steps):
        inputs, targets = _batch(members_of, draw)
        optimizer.zero_grad()
        loss(wrapped(inputs.requires_grad_()), targets).backward()      # its hooks warn if no input needs a gradient
        optimizer.step()
    return wrapped.to_standard_module()


def _start(members_of: Split, seed: int, index: int) -> tuple[nn.Module, torch.Generator]:
    with seeded(torch.device("cpu"), seed, INIT, index):
        model = MLP(members_of.inputs[0].numel(), HIDDEN, 10)
    return model, torch.Generator().manual_seed(mixed(seed, ORDER, index))


def _batch(members_of: Split, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Each member with the chance RATE. With none there would be no step; of 100 members that never happens."""
    chosen = torch.rand(len(members_of), generator=draw) < RATE
    return members_of.inputs[chosen], members_of.targets[chosen]


# --- the guarantee ---

def epsilon(noise: float, steps: int, delta: float, rate: float = RATE) -> float:
    """What opacus's Rényi accountant allows for `steps` steps with this noise and this chance of being in a step."""
    from opacus.accountants.analysis.rdp import get_privacy_spent
    _above_zero(noise=noise, steps=steps, delta=delta, rate=rate)
    orders = _orders(noise)
    return float(get_privacy_spent(orders=orders, rdp=steps * _divergence(noise, rate), delta=delta)[0])


@functools.lru_cache(maxsize=256)
def _divergence(noise: float, rate: float) -> np.ndarray:
    """The Rényi divergences of one step; those of many steps add up."""
    from opacus.accountants.analysis.rdp import compute_rdp
    return np.asarray(compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=_orders(noise)))


def _orders(noise: float) -> list[float]:
    """The orders that are tried; each gives a true bound, the best one counts.

    Those between whole numbers are slow, and are the best ones only where there is little noise.
    """
    return sorted((*WHOLE, *(BETWEEN if noise < 3 else (1.5,))))


def delta_for(count: int) -> float:
    """The delta that goes with `count` members here, one in ten times their number."""
    return 1 / (10 * count)


def most_found(epsilon: float, delta: float, false_alarms):
    """The largest share of members that any attack can find at these false alarms, by (epsilon, delta) alone.

    `false_alarms` is a share of outsiders, a number or an array. Kairouz et al. 2015, theorem 2.1.
    """
    alarms = np.asarray(false_alarms, dtype="float64")
    by_outsiders = math.exp(min(epsilon, 500)) * alarms + delta
    by_members = 1 - math.exp(-epsilon) * (1 - delta - alarms)
    return np.minimum(np.minimum(by_outsiders, by_members), 1.0)


def advantage_bound(epsilon: float, delta: float) -> float:
    """The largest difference between members found and outsiders accused that (epsilon, delta) allows any attack."""
    return math.tanh(epsilon / 2) + 2 * delta / (math.exp(min(epsilon, 500)) + 1)


# --- the attacks ---

def confidence(models: list[nn.Module], crowd: Split) -> np.ndarray:
    """How sure each model is of each person's own class: the log-odds of its probability, (models, people).

    The loss falls as it rises, so that its order is the order of the losses.
    """
    rows = []
    for model in models:
        logits = predict(model, crowd.inputs).double()
        own = logits.gather(1, crowd.targets[:, None])[:, 0]
        rows.append((own - logits.scatter(1, crowd.targets[:, None], -math.inf).logsumexp(1)).numpy())
    return np.array(rows)


def by_ratio(sure: np.ndarray, chosen) -> np.ndarray:
    """Scores of the likelihood-ratio attack (Carlini et al. 2022), (models, people), from `confidence`.

    For each model the others, without its own pair, are shadows: of them, half were trained on a person. How sure they
    are with and without that person makes two normal distributions, with means of the person's own and spreads
    common to all; the score is the logarithm of the ratio of their densities.
    """
    chosen = np.asarray(chosen)
    if len(sure) < SHADOWS:
        raise refuse("models", len(sure), _("at least {count}").format(count=SHADOWS))
    scores = np.empty_like(sure)
    for model in range(len(sure)):
        others = [other for other in range(len(sure)) if other // 2 != model // 2]
        logs = []
        for inside in (True, False):
            of_side = np.where(chosen[others] == inside, sure[others], np.nan)
            mean = np.nanmean(of_side, axis=0)
            degrees = np.isfinite(of_side).sum() - len(mean)
            spread = math.sqrt(np.nansum((of_side - mean) ** 2) / degrees)
            logs.append(-0.5 * ((sure[model] - mean) / spread) ** 2 - math.log(spread))
        scores[model] = logs[0] - logs[1]
    return scores


def success(scores: np.ndarray, chosen) -> dict[str, float]:
    """How well `scores` (models, people), high for members, tell who was in: means over the models.

    auc         the chance that a member scores above an outsider
    advantage   members found minus outsiders accused, at a threshold that was chosen on the pair's other model and on
                the other half of the people
    found       the share of members found at 1 % false alarms
    """
    chosen, rows = np.asarray(chosen), []
    half = np.arange(scores.shape[1]) % 2 == 0
    for model, (of_model, inside) in enumerate(zip(scores, chosen, strict=True)):
        alarms, found, _thresholds = roc_curve(inside, of_model, drop_intermediate=False)
        told = []
        for attacked in (half, ~half):
            _alarms, _found, thresholds = roc_curve(chosen[model ^ 1][~attacked], scores[model ^ 1][~attacked])
            accused = of_model[attacked] >= thresholds[(_found - _alarms).argmax()]
            told.append(accused[inside[attacked]].mean() - accused[~inside[attacked]].mean())
        rows.append((roc_auc_score(inside, of_model), np.mean(told), found[alarms <= FALSE_ALARMS][-1]))
    return dict(zip(("auc", "advantage", "found"), map(float, np.mean(rows, axis=0)), strict=True))


def figures(models: list[nn.Module], crowd: Split, chosen, tests: dict[str, Split]) -> dict[str, float]:
    """What a way of training gives: mean accuracy on each of `tests`, and the success of the attacks.

    Keys are the names of `tests`, and `loss_auc`, `loss_advantage`, `loss_found`; with enough models also `ratio_auc`
    and so on.
    """
    found = {name: float(np.mean([evaluate(model, split).accuracy for model in models]))
             for name, split in tests.items()}
    sure = confidence(models, crowd)
    attacks = {"loss": sure} | ({"ratio": by_ratio(sure, chosen)} if len(models) >= SHADOWS else {})
    return found | {f"{attack}_{name}": value for attack, scores in attacks.items()
                    for name, value in success(scores, chosen).items()}


def measure(crowd: Split, chosen: torch.Tensor, tests: dict[str, Split], stops: list[int], noises, steps: int,
            seed: int = 0) -> list[dict]:
    """Runs, as the record holds them: one for each stop of plain training, one for each noise of private training."""
    groups = [only(crowd, inside) for inside in chosen]
    delta = delta_for(len(groups[0]))
    copies = [plain(group, stops, seed, index) for index, group in enumerate(groups)]
    rows = [{"part": "privacy_plain", "seed": seed, "steps": stop,
             **figures([of_group[stop] for of_group in copies], crowd, chosen, tests)} for stop in stops]
    for noise in noises:
        trained = [private(group, noise, steps, seed, index) for index, group in enumerate(groups)]
        rows.append({"part": "privacy_private", "seed": seed, "noise": noise, "steps": steps, "delta": delta,
                     "epsilon": epsilon(noise, steps, delta), **figures(trained, crowd, chosen, tests)})
    return rows


def curves(runs: list[dict], measured: str) -> dict[str, tuple[list[float], list[float]]]:
    """Accuracy, and `measured` at it, of plain and of private training: means over the seeds, by rising accuracy.

    `measured` is a key of `figures`; `runs` may hold other parts of a record, which are passed over.
    """
    found = {}
    for kind, by in (("plain", "steps"), ("private", "noise")):
        groups = {}
        for run in runs:
            if run["part"] == f"privacy_{kind}":
                groups.setdefault(run[by], []).append((run["accuracy"], run[measured]))
        points = sorted(tuple(np.mean(group, axis=0)) for group in groups.values())
        found[kind] = tuple([float(point[axis]) for point in points] for axis in range(2))
    return found


def _above_zero(**values) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (value > 0 and math.isfinite(value)):
            raise refuse(name, value, _("a finite number above 0"))
