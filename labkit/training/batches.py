"""Batches without a DataLoader: the whole split lives on the device, and a batch is a selection of rows."""
import math

import torch

from labkit.data.dataset import Split
from labkit.evaluation import as_float
from labkit.training.randomness import ORDER, mixed


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
