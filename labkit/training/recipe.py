"""How to train: one frozen set of numbers, checked when it is written down."""
import dataclasses
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from labkit.device import has_bf16
from labkit.language import _
from labkit.settings import choose, refuse
from labkit.training.muon import Muon

OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam", "adamw", "muon")
SCHEDULES = ("constant", "step", "cosine", "one-cycle", "triangular")
PRECISIONS = ("auto", "float32", "bf16", "fast")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run besides the model and the data.

    epochs          passes over the training split; `steps`, if given, counts batches instead
    batch_size      examples a step
    learning_rate   at the top of the schedule
    optimizer       sgd, momentum, rmsprop, adam, adamw or muon (`labkit.training.muon`); `momentum` and `epsilon`
                    where it has them
    schedule        constant; step (a tenth at 1/2 and again at 3/4); cosine (to 0); one-cycle (up for the
                    share `warmup`, then cosine to 0; Smith & Topin 2018); triangular (the same, but down in a
                    straight line). Others warm up linearly.
    weight_decay    as torch's optimizer defines it: added to the gradient, or decoupled in adamw and muon
    l1              this times the sign of each weight is added to its gradient; the loss shown is without it
    label_smoothing share of the target spread evenly over all classes (Szegedy et al. 2016)
    augmentation    a function of float images (N, C, H, W) in 0..1, applied to each batch on the device
    resolutions     ((share, size), ...): up to this share of the steps, images are scaled to size × size pixels; after
                    the last share, and where there are none, they stay as they are (Howard 2018, DAWNBench)
    hardest         (part, ...): of the training examples an epoch takes this part, those whose loss was highest when
                    they were last seen; one number for each epoch, the last for all that follow, and without any all
                    are taken (Jiang et al. 2019, arXiv:1910.00762, who choose within each batch)
    precision       float32; bf16 (autocast; slow where the device must imitate it); auto: bf16 on CUDA cards that
                    have it, float32 elsewhere, so that all processors compute alike; fast: bf16 on processors that
                    have it too
    patience        stop after this many validations without a lower validation loss; None never stops
    validate_every  steps between validations; None validates after each epoch
    seed            decides the order of the examples, dropout and augmentation, step by step

    Raises `SettingError` naming the field, the value and what is allowed.
    """
    epochs: int = 1
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    momentum: float = 0.9
    epsilon: float = 1e-8
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    l1: float = 0.0
    label_smoothing: float = 0.0
    augmentation: Callable[[torch.Tensor], torch.Tensor] | None = None
    resolutions: tuple[tuple[float, int], ...] = ()
    hardest: tuple[float, ...] = ()
    precision: str = "auto"
    patience: int | None = None
    validate_every: int | None = None
    seed: int = 0

    def __post_init__(self):
        for field in ("epochs", "batch_size"):
            whole(field, getattr(self, field), 1)
        for field in ("steps", "patience", "validate_every"):
            if getattr(self, field) is not None:
                whole(field, getattr(self, field), 1)
        whole("seed", self.seed, 0)
        _number("learning_rate", self.learning_rate, 0, 100, above=True, advice=_("Try 1e-3."))
        _number("epsilon", self.epsilon, 0, 1, above=True)
        for field, high in (("momentum", 1), ("warmup", 1), ("label_smoothing", 1)):
            _number(field, getattr(self, field), 0, high, below=True)
        for field in ("weight_decay", "l1"):
            _number(field, getattr(self, field), 0, 100)
        choose("optimizer", self.optimizer, OPTIMIZERS)
        choose("schedule", self.schedule, SCHEDULES)
        choose("precision", self.precision, PRECISIONS)
        if self.augmentation is not None and not callable(self.augmentation):
            raise refuse("augmentation", self.augmentation, _("None, or a function of a batch of images"))
        if not _rising(self.resolutions):
            raise refuse("resolutions", self.resolutions, _(
                "pairs of a share of the steps, above 0, below 1 and rising, and a whole number of pixels"),
                _("A single pair has a comma behind it."))
        if not isinstance(self.hardest, tuple) or not all(
                type(part) in (int, float) and 0 < part <= 1 for part in self.hardest):
            raise refuse("hardest", self.hardest, _("numbers above 0 and at most 1, in brackets"),
                         _("A single number has a comma behind it."))

    def total_steps(self, examples: int) -> int:
        """Steps of the whole run on `examples` examples; the last, smaller batch of an epoch counts."""
        if self.steps:
            return self.steps
        steps = [math.ceil(self.taken(epoch, examples) / self.batch_size)
                 for epoch in range(min(self.epochs, len(self.hardest) or 1))]
        return sum(steps) + (self.epochs - len(steps)) * steps[-1]

    def taken(self, epoch: int, examples: int) -> int:
        """How many of `examples` the epoch with index `epoch` (from 0) takes."""
        part = self.hardest[min(epoch, len(self.hardest) - 1)] if self.hardest else 1
        return max(1, round(part * examples))

    def learning_rate_at(self, step: int, total: int) -> float:
        """The learning rate of the step with index `step` (from 0) of `total`."""
        warmup = self.warmup or (0.25 if self.schedule in ("one-cycle", "triangular") else 0.0)
        done = step / total
        if done < warmup:
            return self.learning_rate * (step + 1) / math.ceil(warmup * total)
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "step":
            return self.learning_rate * 0.1 ** ((done >= 0.5) + (done >= 0.75))
        if self.schedule == "triangular":
            return self.learning_rate * (1 - done) / (1 - warmup)
        return self.learning_rate * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2

    def resolution_at(self, step: int, total: int) -> int | None:
        """The side in pixels of the images of the step with index `step` of `total`; None leaves them as they are."""
        return next((size for share, size in self.resolutions if step < share * total), None)

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which the model computes as `precision` says."""
        half = self.precision == "bf16" or (has_bf16(device) and (
            self.precision == "fast" or self.precision == "auto" and device.type == "cuda"))
        return torch.autocast(device.type, torch.bfloat16, enabled=half)

    def make_optimizer(self, model: torch.nn.Module, device: torch.device) -> torch.optim.Optimizer:
        """The torch optimizer, in its fused form where torch has one for the device."""
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        common = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        fused = {"fused": device.type in ("cpu", "cuda")}
        match self.optimizer:
            case "sgd":
                return torch.optim.SGD(weights, **common, **fused)
            case "momentum":
                return torch.optim.SGD(weights, momentum=self.momentum, **common, **fused)
            case "rmsprop":
                return torch.optim.RMSprop(weights, eps=self.epsilon, **common)
            case "adam":
                return torch.optim.Adam(weights, eps=self.epsilon, **common, **fused)
            case "adamw":
                return torch.optim.AdamW(weights, eps=self.epsilon, **common, **fused)
            case "muon":
                return Muon(weights, momentum=self.momentum, **common)

    def as_dict(self) -> dict:
        """The fields as plain values, the augmentation as its text: what a checkpoint remembers."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.augmentation is not None:       # the text of a plain function holds its address in this process
            values["augmentation"] = re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(self.augmentation))
        values["resolutions"] = [list(pair) for pair in self.resolutions]      # as JSON gives it back
        values["hardest"] = list(self.hardest)
        return values


def _rising(pairs) -> bool:
    """Whether these are pairs (share, size) as `resolutions` allows."""
    try:
        shares = [0.0, *(float(share) for share, _size in pairs), 1.0]
        return isinstance(pairs, tuple) and all(a < b for a, b in itertools.pairwise(shares)) and all(
            type(size) is int and size > 0 for _share, size in pairs)
    except (TypeError, ValueError):
        return False


def whole(field: str, value, low: int) -> None:
    """Refuse what is not a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise refuse(field, value, _("a whole number of at least {low}").format(low=low))


def _number(field: str, value, low: float, high: float, *, above: bool = False, below: bool = False,
            advice: str = "") -> None:
    """Refuse what is not a finite number in low..high, without its ends where `above` and `below` say so."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    good = good and (value > low if above else value >= low) and (value < high if below else value <= high)
    if not good:
        allowed = _("a number {above} {low} and {below} {high}").format(
            above=_("above") if above else _("of at least"), low=low,
            below=_("below") if below else _("at most"), high=high)
        raise refuse(field, value, allowed, advice)
