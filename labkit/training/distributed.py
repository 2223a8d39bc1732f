"""One run on several processes: what a `Run` asks when torchrun has started it more than once.

    torchrun --nproc-per-node 2 train.py

Each process holds the whole model and the whole set, and takes its share of every batch: rows of the same
permutation. torch's DistributedDataParallel averages the gradients (Li et al. 2020, "PyTorch Distributed", VLDB); here
is only what makes that average the gradient of the whole batch, and what one process alone has to do.

    batch size      of the recipe: the effective one, of all processes together
    shares          differ by one example at most. DistributedDataParallel takes the plain mean over processes, so each
                    loss is weighted by its share, and unequal shares give the gradient of the whole batch all the same
    history         the loss of the whole batch, in every process; speed counts the examples of all
    validation      by the first process; the others are told
    checkpoints     written by the first process, read by all: the folder has to be one that all can see
    stopping        all processes have to leave the loop at the same step, else the others wait for TIMEOUT

The losses are those of one process, but for rounding: sums are taken in another order. Two things differ by more.
Batch normalisation sees the share and not the batch, as if the batch were smaller (running averages are those of the
first process). Dropout and augmentation draw other random numbers in each process, none of them those of a run alone.

CUDA cards, one a process, through NCCL: written by torch's documentation, never run on more than one card.
"""
import atexit
import datetime
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from labkit.data.dataset import Split
from labkit.device import choose, core_count
from labkit.evaluation import Scores, evaluate
from labkit.language import _
from labkit.settings import SettingError, refuse
from labkit.training.checkpoint import CheckpointError
from labkit.training.recipe import Recipe

TIMEOUT = datetime.timedelta(minutes=5)     # how long a process waits for the others, before it gives up


@dataclass(frozen=True)
class Group:
    """The processes that train together: `rank` is this one's number of `size`, `device` where it computes."""
    rank: int
    size: int
    device: torch.device

    def check(self, recipe: Recipe, examples: int, steps: int) -> None:
        """Refuse a run in which a batch would leave a process without an example, or each would choose its own."""
        if recipe.hardest:
            raise refuse("hardest", recipe.hardest, _("() where several processes train together"))
        last, reached = examples % recipe.batch_size, steps * recipe.batch_size > examples
        smallest = last if last and reached else recipe.batch_size
        if smallest < self.size:
            raise refuse("batch_size", recipe.batch_size, _(
                "one whose every batch has an example for each of the {size} processes").format(size=self.size),
                _("The smallest batch has {count}.").format(count=smallest))

    def share(self, count: int) -> slice:
        """The place of this process's rows in a batch of `count`."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as it is to be called: its backward pass leaves the mean gradient of all processes."""
        return DistributedDataParallel(model, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def total(self, loss: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The sums over all processes of a share's loss and of how many were right, both without gradient."""
        both = torch.stack([loss.detach().double(), right.double()])
        dist.all_reduce(both)
        return both[0].to(loss.dtype), both[1]

    def scores(self, model: nn.Module, split: Split) -> Scores:
        """What the first process finds. Raises `SettingError` in all if its outputs are not finite."""
        for buffer in model.buffers():      # running averages: those of the first process count
            dist.broadcast(buffer, 0)
        found, failed = (0.0, 0.0, 0), None
        if self.rank == 0:
            try:
                scores = evaluate(model, split)
                found = scores.loss, scores.accuracy, scores.count
            except SettingError as error:
                failed = error
        told = torch.tensor([*found, failed is not None], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        loss, accuracy, count, bad = told.tolist()
        if bad:
            raise failed or refuse("outputs", "NaN", _("finite numbers"))
        return Scores(loss, accuracy, int(count))

    def agree(self, step: int, folder: object) -> None:
        """Raise `CheckpointError` unless all processes go on from the same step."""
        found = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        found[self.rank] = step
        dist.all_reduce(found)
        if len(set(found.tolist())) > 1:
            raise CheckpointError(_(
                "The processes found checkpoints of different steps ({steps}) in {folder}. It has to be one folder "
                "that all of them can see.").format(steps=", ".join(map(str, found.tolist())), folder=folder))

    def wait(self) -> None:
        """Return when all processes have come here."""
        dist.barrier()

    def threads(self) -> int:
        """Torch threads of a process, so that all on this machine together have its cores."""
        return max(1, core_count() // int(os.environ.get("LOCAL_WORLD_SIZE", self.size)))


def join(device: str | torch.device = "auto") -> Group | None:
    """The group that this process was started into, or None for a process alone.

    Raises `SettingError` for a device that several processes cannot train on.
    """
    if not dist.is_available() or not (dist.is_initialized() or dist.is_torchelastic_launched()):
        return None
    if (dist.get_world_size() if dist.is_initialized() else int(os.environ["WORLD_SIZE"])) == 1:
        return None
    chosen = choose(device)
    if chosen.type == "mps":
        if str(device) != "auto":
            raise refuse("device", str(device), "auto, cuda, cpu", _("Several processes cannot share Apple's GPU."))
        chosen = torch.device("cpu")
    if chosen.type == "cuda":
        place = int(os.environ.get("LOCAL_RANK", 0))
        if place >= torch.cuda.device_count():
            raise refuse("device", "cuda", _("at most {count} processes, one for each card").format(
                count=torch.cuda.device_count()), _("Start fewer of them, or use device=\"cpu\"."))
        chosen = torch.device("cuda", place)
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo", timeout=TIMEOUT)
        atexit.register(_leave)
    return Group(dist.get_rank(), dist.get_world_size(), chosen)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
