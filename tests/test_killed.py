"""A training process is killed with SIGKILL again and again, and must end with what an unbroken one ends with."""
import multiprocessing
import random
import sys
import time

import pytest
import torch
from toy import ToyNet, toy_dataset

from labkit.training import Recipe, Run, checkpoint

KILLS = 20


def noisy(images):
    return images + 0.1 * torch.rand_like(images)


def train(folder):
    """What the child does, the same in each attempt."""
    recipe = Recipe(epochs=70, learning_rate=0.01, augmentation=noisy, schedule="cosine", label_smoothing=0.1)
    for _step in Run(ToyNet, toy_dataset(), recipe, folder=folder, save_every=5, resume=True, threads=1):
        pass


def outcome(folder):
    """All losses and the final weights of a finished run, as they are on disk."""
    saved = checkpoint.latest(folder)
    assert saved.about["step"] == 210
    columns = saved.state["history"]["columns"]
    assert columns["step"].tolist() == list(range(1, 211))
    return {**{name: columns[name].nan_to_num(-1) for name in ("train_loss", "validation_loss")}, **saved.weights}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no fork server")
def test_killed_at_twenty_random_moments_the_losses_are_those_of_an_unbroken_run(tmp_path):
    context = multiprocessing.get_context("forkserver")     # imported once, not in each attempt
    context.set_forkserver_preload(["labkit.training", "torch._dynamo"])

    def start(folder):
        child = context.Process(target=train, args=(folder,))
        child.start()
        return child
    for folder in (tmp_path / "warm up", tmp_path / "unbroken"):
        began = time.perf_counter()
        child = start(folder)
        child.join()
        seconds = time.perf_counter() - began
        assert child.exitcode == 0
    expected = outcome(tmp_path / "unbroken")

    moments, killed_at, folders = random.Random(0), [], [tmp_path / "0"]
    while len(killed_at) < KILLS or child.exitcode != 0:
        child = start(folders[-1])
        child.join(moments.uniform(0, seconds / 2) if len(killed_at) < KILLS else None)
        if child.exitcode is None:
            child.kill()
            child.join()
            found = checkpoint.latest(folders[-1])
            killed_at.append(found.about["step"] if found else 0)
        else:
            assert child.exitcode == 0
            if len(killed_at) < KILLS:                      # done before the last kill: begin another run
                folders.append(tmp_path / str(len(folders)))
    print(f"unbroken {seconds:.2f} s; last saved step at each kill: {killed_at}; runs: {len(folders)}")
    assert len(set(killed_at)) > 3                          # the kills met the run at different places
    for folder in folders:
        found = outcome(folder)
        assert all(torch.equal(found[name], expected[name]) for name in expected), folder
