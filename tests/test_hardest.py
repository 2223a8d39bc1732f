"""Epochs that take only the examples whose loss was highest when they were last seen: `Recipe(hardest=...)`."""
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from toy import ToyNet, toy_dataset

from labkit.data import Split
from labkit.settings import SettingError
from labkit.training import Recipe, Run
from labkit.training.batches import Batches
from labkit.training.distributed import Group

DATA = toy_dataset()
RECIPE = Recipe(epochs=4, batch_size=20, hardest=(1.0, 0.5, 0.25), learning_rate=0.02, seed=3)      # of 96: 96, 48, 24


def batches(recipe=RECIPE):
    return Batches(DATA.train, recipe.batch_size, recipe.seed, torch.device("cpu"), taken=recipe.taken)


class Watching(ToyNet):
    """Notes the training images that it sees, and the logits that it gives for them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        logits = super().forward(images)
        if self.training:
            self.seen.append((images.detach(), logits.detach()))
        return logits


def rows_of(images):
    """The places of these images in the training set."""
    known = {image.numpy().tobytes(): row for row, image in enumerate(DATA.train.inputs)}
    return [known[image.mul(255).round().to(torch.uint8).contiguous().numpy().tobytes()] for image in images]


def test_an_epoch_takes_those_that_were_hardest_and_no_other():
    run = Run(Watching, DATA, RECIPE, threads=1)
    ends, before = [5, 8, 10, 12], 0
    run.fit()
    assert run.total == len(run.history) == 12
    assert run.history["epoch"].tolist() == [1] * 5 + [2] * 3 + [3] * 2 + [4] * 2
    assert run.history.images == 96 + 48 + 24 + 24
    losses = torch.full((96,), float("inf"))
    for end, count in zip(ends, (96, 48, 24, 24), strict=True):
        images, logits = (torch.cat(part) for part in zip(*run.model.seen[before:end], strict=True))
        rows = rows_of(images)
        assert sorted(rows) == sorted(losses.topk(count).indices.tolist())
        losses[rows] = F.cross_entropy(logits, DATA.train.targets[rows], reduction="none")
        before = end
    assert rows != sorted(rows)     # still shuffled


def test_validation_comes_at_the_end_of_each_epoch_however_short():
    history = Run(ToyNet, DATA, RECIPE, threads=1).fit()
    measured = history["validation_loss"]
    assert history["step"][measured == measured].tolist() == [5, 8, 10, 12]


@pytest.mark.parametrize("killed_at", [3, 6, 8, 11])
def test_a_run_resumed_within_an_epoch_takes_the_same_examples(tmp_path, killed_at):
    unbroken = Run(ToyNet, DATA, RECIPE, threads=1).fit()
    for step in Run(ToyNet, DATA, RECIPE, folder=tmp_path, save_every=1, threads=1):
        if step.index == killed_at:
            break
    resumed = Run(ToyNet, DATA, RECIPE, folder=tmp_path, resume=True, threads=1).fit()
    for column in ("step", "epoch", "train_loss", "train_accuracy"):
        assert resumed[column].tolist() == unbroken[column].tolist()


def test_what_was_never_seen_comes_first():
    order = batches(dataclasses.replace(RECIPE, hardest=(0.5,)))
    first = torch.cat([order[step][1] for step in range(3)])
    seen = order._order.tolist()
    for step, rows in enumerate(order._order.split(20)):
        order[step]
        order.saw(0, torch.zeros(len(rows), 3), DATA.train.targets[rows])
    assert len(first) == 48 and len(set(seen)) == 48
    order[3]
    assert not set(seen) & set(order._order.tolist())


def test_losses_that_come_in_pieces_are_noted_where_they_belong():
    whole, pieces = batches(), batches()
    logits = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    targets = whole[0][1]
    assert torch.equal(targets, pieces[0][1])
    whole.saw(0, logits, targets)
    for place in (0, 8, 16):
        pieces.saw(place, logits[place:place + 8], targets[place:place + 8])
    assert torch.equal(whole.state["losses"], pieces.state["losses"])
    assert whole.state["losses"].isfinite().sum() == 20


def test_without_it_nothing_is_kept():
    run = Run(ToyNet, DATA, dataclasses.replace(RECIPE, hardest=()), threads=1)
    run.fit()
    assert run._batches.state is None and run.total == 20


def test_where_it_cannot_be_used_it_is_refused():
    numbers = Split(DATA.train.inputs, torch.zeros(96))
    tokens = Split(torch.zeros(96, 4, dtype=torch.int64), torch.zeros(96, 4, dtype=torch.int64))
    for split in (numbers, tokens):
        data = dataclasses.replace(DATA, train=split, validation=split, test=split)
        with pytest.raises(SettingError, match="one class for each example"):
            Run(ToyNet(), data, RECIPE)
    with pytest.raises(SettingError, match="where several processes train together"):
        Group(0, 2, torch.device("cpu")).check(RECIPE, 96, 12)
