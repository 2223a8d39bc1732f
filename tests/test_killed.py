"""A training process is killed with SIGKILL again and again, and must end with what an unbroken one ends with."""
import multiprocessing
import random
import shutil
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import pytest
import torch
from promises import size
from toy import ToyNet, toy_dataset

from labkit.training import Recipe, Run, checkpoint

KILLS = size(20, 200)
STEPS, SAVE_EVERY = 105, 5
KINDS = ("call", "save", "any", "call", "save", "any", "call", "save", "any", "call")   # before a call of a save, at
                                                                                        # any moment of one, at any
CALLS = [(shutil, "rmtree"), (checkpoint, "save_file"), (torch, "save"), (checkpoint, "_sync"),
         *((Path, name) for name in ("mkdir", "write_text", "rename", "replace"))]      # what a save is made of
BETWEEN = len(CALLS)        # neither outside a save nor within one of its calls
CALLS_OF_A_SAVE = 16        # two mkdir, three files, four syncs, rename, sync, the pointer's four, rmtree


def noisy(images):
    return images + 0.1 * torch.rand_like(images)


def train(folder):
    recipe = Recipe(steps=STEPS, learning_rate=0.01, augmentation=noisy, schedule="cosine", label_smoothing=0.1)
    for _step in Run(ToyNet, toy_dataset(), recipe, folder=folder, save_every=SAVE_EVERY, resume=True, threads=1):
        pass


@dataclass
class Watch:
    """What a child says of itself while it trains, and where it waits to be killed."""
    doing: object               # shared: the place in CALLS, BETWEEN, or -1 outside a save
    seconds: object             # shared: how long the last save took
    told: object                # a pipe: says that the child has come to
    save: int = 0               # this save of its own, from 1, and in it, where it then waits,
    call: int = 0               # before this call, from 1; 0: at the save's beginning, and it does not wait


def train_watched(folder, watch):
    """What the child does, the same in each attempt but for what it says of itself."""
    saves, calls = iter(range(1, STEPS)), None

    def watched(place, function):
        def call(*arguments, **options):
            if watch.doing.value != BETWEEN:
                return function(*arguments, **options)
            if calls is not None and next(calls) == watch.call:
                watch.told.send(True)
                time.sleep(600)
            watch.doing.value = place
            try:
                return function(*arguments, **options)
            finally:
                watch.doing.value = BETWEEN
        return call

    def save(*arguments):
        nonlocal calls
        began, calls = time.perf_counter(), None
        watch.doing.value = BETWEEN
        if next(saves) == watch.save:
            calls = iter(range(1, 100))
            if not watch.call:
                watch.told.send(True)
        try:
            return unwatched(*arguments)
        finally:
            watch.doing.value, watch.seconds.value = -1, time.perf_counter() - began
    unwatched, checkpoint.save = checkpoint.save, save
    for place, (owner, name) in enumerate(CALLS):
        setattr(owner, name, watched(place, getattr(owner, name)))
    train(folder)


def outcome(folder):
    """The curves, the weights and the optimizer's state of a finished run, as they are on disk."""
    saved = checkpoint.latest(folder)
    assert saved.about["step"] == STEPS
    columns = saved.state["history"]["columns"]
    assert columns["step"].tolist() == list(range(1, STEPS + 1))
    moments = {f"{key} {name}": value for key, values in saved.state["optimizer"]["state"].items()
               for name, value in values.items()}
    assert len(moments) > 4 and saved.state["best_weights"]
    return {**{name: torch.as_tensor(column).nan_to_num(-1) for name, column in columns.items()}, **moments,
            **saved.weights, **{f"best {name}": value for name, value in saved.state["best_weights"].items()}}


def step_on_disk(folder):
    """Of the newest checkpoint, which must be whole; 0 before the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")      # it warns where it falls back on an older one
        found = checkpoint.latest(folder)
    return found.about["step"] if found else 0


@pytest.mark.promise
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no fork server")
def test_a_run_killed_again_and_again_ends_with_the_bits_of_an_unbroken_one(tmp_path, measured):
    context = multiprocessing.get_context("forkserver")     # imported once, not in each attempt
    context.set_forkserver_preload(["labkit.training", "torch._dynamo", "filelock"])
    doing, seconds = context.Value("i", -1, lock=False), context.Value("d", 0.0, lock=False)

    def start(folder, save=0, call=0):
        hears, told = context.Pipe(duplex=False)
        doing.value = -1
        child = context.Process(target=train_watched, args=(folder, Watch(doing, seconds, told, save, call)),
                                daemon=True)
        child.start()
        told.close()
        return child, hears
    for folder in (tmp_path / "warm up", tmp_path / "unbroken"):
        began = time.perf_counter()
        child, _hears = start(folder)
        child.join()
        whole_run, one_save = time.perf_counter() - began, seconds.value
        assert child.exitcode == 0
    expected = outcome(tmp_path / "unbroken")

    moments, folders, reached, met, calls = random.Random(0), [tmp_path / "0"], 0, Counter(), Counter()
    while met.total() < KILLS:
        kind = KINDS[met.total() % len(KINDS)]
        call = calls.total() % CALLS_OF_A_SAVE + 1 if kind == "call" else 0
        child, hears = start(folders[-1], 0 if kind == "any" else moments.randint(1, 4), call)
        if kind == "any":
            child.join(moments.uniform(0, whole_run / 2))
        else:
            wait([hears, child.sentinel])
            if kind == "save":
                child.join(moments.uniform(0, one_save))
        child.kill()
        child.join()
        if child.exitcode == 0:                             # done before the kill: begin another run
            folders.append(tmp_path / str(len(folders)))
            reached = 0
            continue
        assert child.exitcode == -9
        found = step_on_disk(folders[-1])
        assert found >= reached and found % SAVE_EVERY == 0
        reached = found
        met["outside a save" if doing.value < 0 else "between two calls of a save" if doing.value == BETWEEN else
            "within a call of a save"] += 1
        calls[call] += kind == "call"
    child, _hears = start(folders[-1])
    child.join()
    assert child.exitcode == 0
    for folder in folders:
        found = outcome(folder)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected), folder
    del calls[0]
    assert len(met) == 3 and len(calls) == min(CALLS_OF_A_SAVE, KILLS * 2 // 5)
    places = ", ".join(f"{count} {place}" for place, count in sorted(met.items()))
    measured(f"{met.total()} kills of {len(folders)} runs, {places} (before each of its {len(calls)} calls at least "
             f"{min(calls.values())} times): all resumed to the same bits")
