"""Batches without a DataLoader: the whole split lives on the device, and a batch is a selection of rows."""
import bisect
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import as_float, predict
from labkit.language import _
from labkit.loss import IGNORED, mean_loss
from labkit.settings import refuse
from labkit.training.randomness import ORDER, mixed
from labkit.training.recipe import Recipe


class Batches:
    """The training split on a device, in an order that depends on the seed and the epoch alone.

    With `taken`, a function of an epoch's index and the number of examples, the epoch has so many of them: those whose
    losses, which the loop then tells `saw`, were highest when they were last seen, and first of all any never seen.

    Images are kept as bytes with channels last, the layout in which convolutions run fastest on CPUs and
    CUDA cards, and become floats in 0..1 when a batch is taken. Where several processes share each batch, `share`
    gives the place of this one's inputs in a batch of so many; the targets are always those of the whole batch.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, device: torch.device,
                 share: Callable[[int], slice] | None = None, taken: Callable[[int, int], int] | None = None):
        self._images = split.inputs.ndim == 4
        inputs = split.inputs.permute(0, 2, 3, 1) if self._images else split.inputs
        self._inputs = inputs.contiguous().to(device)
        self._targets = split.targets.to(device)
        self._batch_size, self._seed, self._share = batch_size, seed, share
        self._epoch, self._order, self._rows = -1, None, None
        self._taken = taken
        # Of each example when it was last seen; only kept where it decides which ones are taken.
        self._losses = None if taken is None else torch.full((len(split),), math.inf, device=device)
        self._begins = [0]      # the first step of each epoch, as far as anyone has asked

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The inputs and targets of the step with index `step`, counted from 0 over all epochs."""
        epoch = self.epoch(step)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        position = step - self._begins[epoch]
        self._rows = rows = self._order[position * self._batch_size:(position + 1) * self._batch_size]
        mine = rows if self._share is None else rows[self._share(len(rows))]
        inputs = self._inputs.index_select(0, mine)
        if self._images:
            inputs = inputs.permute(0, 3, 1, 2)
        return as_float(inputs), self._targets.index_select(0, rows)

    def epoch(self, step: int) -> int:
        """The epoch of the step with index `step`, both counted from 0."""
        while self._begins[-1] <= step:
            count = self._count(len(self._begins) - 1)
            self._begins.append(self._begins[-1] + math.ceil(count / self._batch_size))
        return bisect.bisect_right(self._begins, step) - 1

    def ends_epoch(self, step: int) -> bool:
        """Whether the step with index `step` is the last of its epoch."""
        return self.epoch(step) != self.epoch(step + 1)

    def _count(self, epoch: int) -> int:
        return len(self._targets) if self._taken is None else self._taken(epoch, len(self._targets))

    def _shuffled(self, epoch: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(mixed(self._seed, ORDER, epoch))
        order = torch.randperm(len(self._targets), generator=generator).to(self._targets.device)
        if self._losses is None:
            return order
        return order[self._losses[order].topk(self._count(epoch)).indices.sort().values]

    def saw(self, place: int, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Note the losses of the newest batch's examples from `place` on, where they decide what is taken."""
        if self._losses is not None:
            losses = mean_loss(outputs, targets, reduction="none")
            self._losses[self._rows[place:place + len(losses)]] = losses.float()

    @property
    def state(self) -> dict | None:
        """What batches of the same split need for going on from here; None where seed and epoch say it all."""
        if self._losses is None:
            return None
        return {"losses": self._losses.cpu(), "epoch": self._epoch, "order": self._order.cpu()}

    @state.setter
    def state(self, state: dict | None) -> None:
        if state is not None:
            device = self._targets.device
            self._losses, self._order = state["losses"].to(device), state["order"].to(device)
            self._epoch = state["epoch"]


def scaled(images: torch.Tensor, size: int | None) -> torch.Tensor:
    """Float images (N, C, H, W) at `size` × `size` pixels, each the mean of those it covers; None changes nothing."""
    if size is None or images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def check_data(model: nn.Module, dataset: Dataset, recipe: Recipe) -> None:
    """Refuse data that the model cannot take, before anything is moved or trained."""
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        if split.inputs.dtype not in (torch.uint8, torch.float32, torch.int64):
            raise refuse(f"{name}.inputs.dtype", split.inputs.dtype, "torch.uint8, torch.float32, torch.int64")
        kind = split.targets.dtype
        if kind not in (torch.int64, torch.float32) or kind != dataset.train.targets.dtype:
            raise refuse(f"{name}.targets.dtype", kind, _(
                "torch.int64 for classes or tokens, torch.float32 for numbers, the same in every split"))
        if not len(split):
            raise refuse(name, len(split), _("at least one example"))
        for field in ("inputs", "targets"):
            shape, expected = (tuple(getattr(part, field).shape[1:]) for part in (split, dataset.train))
            if shape != expected:
                raise refuse(f"{name}.{field}", shape, _("{shape}, as in train").format(shape=expected))
    if recipe.hardest and (dataset.train.targets.is_floating_point() or dataset.train.targets.ndim > 1):
        raise refuse("hardest", recipe.hardest, _("() for targets that are not one class for each example"))
    if recipe.batch_size > len(dataset.train):
        raise refuse("batch_size", recipe.batch_size, _("at most the {count} training examples").format(
            count=len(dataset.train)))
    try:
        outputs = predict(model, _samples(dataset))
    except (RuntimeError, ValueError, IndexError) as error:
        raise refuse("inputs", tuple(dataset.train.inputs.shape[1:]), _(
            "a shape that {model} can take").format(model=type(model).__name__),
            _("It says: {error}").format(error=str(error).splitlines()[0])) from error
    form, targets = tuple(outputs.shape[1:]), dataset.train.targets
    if targets.is_floating_point():
        if form != tuple(targets.shape[1:]):
            raise refuse("outputs.shape", tuple(outputs.shape), _("that of the targets, {shape}").format(
                shape=("examples", *targets.shape[1:])), _("Class numbers are torch.int64."))
        return
    if targets.ndim > 2 or form[:-1] != tuple(targets.shape[1:]) or not form:
        allowed = _("(examples, classes)") if targets.ndim == 1 else _("(examples, {length}, tokens)").format(
            length=targets.shape[1])
        raise refuse("logits.shape", tuple(outputs.shape), allowed)
    for name in ("train", "validation", "test"):
        targets = getattr(dataset, name).targets
        if targets.ndim > 1:
            if (targets == IGNORED).all(dim=1).any():
                raise refuse(f"{name}.targets", IGNORED, _("at least one token in each example that is not ignored"))
            targets = targets[targets != IGNORED]
        if targets.min() < 0 or targets.max() >= form[-1]:
            raise refuse(f"{name}.targets", f"{targets.min()}..{targets.max()}",
                         _("labels from 0 to {last}, one for each output of the model").format(last=form[-1] - 1))


def _samples(dataset: Dataset) -> torch.Tensor:
    """Two examples to try a model with; of tokens, those that hold the smallest and the largest of all numbers."""
    if dataset.train.inputs.dtype != torch.int64:
        return dataset.train.inputs[:2]
    inputs = torch.cat([split.inputs for split in (dataset.train, dataset.validation, dataset.test)])
    numbers = inputs.flatten(1)
    return inputs[[int(numbers.amin(1).argmin()), int(numbers.amax(1).argmax())]]
