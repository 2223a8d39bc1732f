"""Batches without a DataLoader: the whole split lives on the device, and a batch is a selection of rows."""
import math

import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import as_float, predict
from labkit.language import _
from labkit.settings import refuse
from labkit.training.randomness import ORDER, mixed
from labkit.training.recipe import Recipe


class Batches:
    """The training split on a device, in an order that depends on the seed and the epoch alone.

    Images are kept as bytes with channels last, the layout in which convolutions run fastest on CPUs and
    CUDA cards, and become floats in 0..1 when a batch is taken.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, device: torch.device):
        self._images = split.inputs.ndim == 4
        inputs = split.inputs.permute(0, 2, 3, 1) if self._images else split.inputs
        self._inputs = inputs.contiguous().to(device)
        self._targets = split.targets.to(device)
        self._batch_size, self._seed = batch_size, seed
        self._epoch, self._order = -1, None
        self.steps_per_epoch = math.ceil(len(split) / batch_size)

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The inputs and targets of the step with index `step`, counted from 0 over all epochs."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(mixed(self._seed, ORDER, epoch))
            order = torch.randperm(len(self._targets), generator=generator)
            self._epoch, self._order = epoch, order.to(self._targets.device)
        rows = self._order[position * self._batch_size:(position + 1) * self._batch_size]
        inputs = self._inputs.index_select(0, rows)
        if self._images:
            inputs = inputs.permute(0, 3, 1, 2)
        return as_float(inputs), self._targets.index_select(0, rows)


def check_data(model: nn.Module, dataset: Dataset, recipe: Recipe) -> None:
    """Refuse data that the model cannot take, before anything is moved or trained."""
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        if split.inputs.dtype not in (torch.uint8, torch.float32, torch.int64):
            raise refuse(f"{name}.inputs.dtype", split.inputs.dtype, "torch.uint8, torch.float32, torch.int64")
        if split.targets.dtype != torch.int64:
            raise refuse(f"{name}.targets.dtype", split.targets.dtype, "torch.int64")
        if not len(split):
            raise refuse(name, len(split), _("at least one example"))
        if split.inputs.shape[1:] != dataset.train.inputs.shape[1:]:
            raise refuse(f"{name}.inputs", tuple(split.inputs.shape[1:]), _("{shape}, as in train").format(
                shape=tuple(dataset.train.inputs.shape[1:])))
    if recipe.batch_size > len(dataset.train):
        raise refuse("batch_size", recipe.batch_size, _("at most the {count} training examples").format(
            count=len(dataset.train)))
    try:
        logits = predict(model, dataset.train.inputs[:2])
    except (RuntimeError, ValueError, IndexError) as error:
        raise refuse("inputs", tuple(dataset.train.inputs.shape[1:]), _(
            "a shape that {model} can take").format(model=type(model).__name__),
            _("It says: {error}").format(error=str(error).splitlines()[0])) from error
    if logits.ndim != 2:
        raise refuse("logits.shape", tuple(logits.shape), _("(examples, classes)"))
    for name in ("train", "validation", "test"):
        targets = getattr(dataset, name).targets
        if targets.min() < 0 or targets.max() >= logits.shape[1]:
            raise refuse(f"{name}.targets", f"{targets.min()}..{targets.max()}",
                         _("labels from 0 to {last}, one for each output of the model").format(
                             last=logits.shape[1] - 1))
