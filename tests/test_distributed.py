"""Two gloo processes really train here: torchrun is started once, for all that they have to show."""
import math
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toy import ToyNet, toy_dataset

from labkit.settings import SettingError
from labkit.training import Recipe, Run, distributed
from labkit.trends import distributed as lab

SCRIPT = f'''
import dataclasses, json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from torch import nn
from toy import ToyNet, toy_dataset
from labkit.data import Split
from labkit.training import Recipe, Run, TrainingError

settings = json.loads(sys.argv[1])
data, kept = toy_dataset(97), []        # batches of 25 in shares of 12 and 13, and one of 22
recipe = Recipe(epochs=3, batch_size=25, learning_rate=0.01, seed=3, validate_every=3)


def note(name, run):
    kept.append((name, run.history["train_loss"], run.history["train_accuracy"], run.history["validation_loss"],
                 {{key: value.clone() for key, value in run.model.state_dict().items()}}, run.best_step))


def plain():
    return ToyNet(0.0)


run = Run(plain, data, recipe, "cpu", threads=1, folder=settings["folder"] + "/a", save_every=4)
run.fit()
note("plain", run)
broken = Run(plain, data, recipe, "cpu", threads=1, folder=settings["folder"] + "/b", save_every=4)
for step in broken:
    if step.index == 6:
        break
run = Run(plain, data, recipe, "cpu", threads=1, folder=settings["folder"] + "/b", resume=True)
for step in run:
    pass
note("resumed", run)
run = Run(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3)), data, recipe,
          "cpu", threads=1)
list(run)
note("batch norm", run)
noisy = dataclasses.replace(recipe, steps=4, augmentation=lambda x: x + 0.1 * torch.rand_like(x))
run = Run(ToyNet, data, noisy, "cpu", threads=1)
list(run)
note("draws", run)
tokens = torch.arange(60).reshape(20, 3) % 5
targets = tokens.roll(1, 1).clone()
targets[::2, 1:] = -100                 # shares with unequal numbers of tokens that count
text = dataclasses.replace(data, **{{name: Split(tokens, targets) for name in ("train", "validation", "test")}})
run = Run(lambda: nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5)), text, dataclasses.replace(recipe, batch_size=7),
          "cpu", threads=1)
list(run)
note("tokens", run)
messages = []
try:
    Run(plain, data, dataclasses.replace(recipe, batch_size=1), "cpu")
except ValueError as error:
    messages.append(str(error))
broken = dataclasses.replace(data, train=Split(data.train.inputs.float(), data.train.targets))
broken.train.inputs[50] = float("nan")  # in one process's share only
run = Run(plain, broken, recipe, "cpu", threads=1)
try:
    list(run)
except TrainingError as error:
    messages.append(str(error))
torch.save((kept, messages, run.rank, run.processes), f"{{settings['folder']}}/{{run.rank}}.pt")
if run.rank == 0:
    json.dump(run.processes, open(sys.argv[2], "w"))
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What two processes found, and what one did: (first, second, alone)."""
    folders = [tmp_path_factory.mktemp("run") for _run in range(2)]
    os.environ["LABKIT_THREADS"] = "1"
    assert lab.start(2, SCRIPT, folder=str(folders[0])) == 2
    assert lab.here(SCRIPT, folder=str(folders[1])) == 1
    read = [torch.load(path, weights_only=False) for path in (
        folders[0] / "0.pt", folders[0] / "1.pt", folders[1] / "0.pt")]
    return {"results": [{name: rest for name, *rest in kept} for kept, *_rest in read], "folder": folders[0],
            "messages": [messages for _kept, messages, *_rest in read], "ranks": [one[2:] for one in read]}


def test_torchrun_gives_each_process_its_number(found):
    assert found["ranks"] == [(0, 2), (1, 2), (0, 1)]


@pytest.mark.parametrize("name", ["plain", "resumed", "tokens"])
def test_two_processes_have_the_losses_and_the_weights_of_one(found, name):
    first, _second, alone = (results[name] for results in found["results"])
    for mine, reference in zip(first[:3], alone[:3], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=0, atol=1e-4)
    for key, value in alone[3].items():
        torch.testing.assert_close(first[3][key], value, rtol=0, atol=1e-4)
    assert first[0][0] > first[0][-1]       # and it learns


@pytest.mark.parametrize("name", ["plain", "resumed", "batch norm", "draws", "tokens"])
def test_both_processes_hold_the_same_numbers(found, name):
    first, second, _alone = (results[name] for results in found["results"])
    for mine, other in zip(first[:3], second[:3], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert all(torch.equal(value, second[3][key]) for key, value in first[3].items())
    assert first[4] == second[4]


def test_a_run_broken_off_and_resumed_on_two_processes_is_bit_identical(found):
    plain, resumed = (found["results"][0][name] for name in ("plain", "resumed"))
    assert plain[0].tolist() == resumed[0].tolist() and len(plain[0]) == 12
    assert all(torch.equal(value, resumed[3][key]) for key, value in plain[3].items())


def test_one_process_alone_writes_checkpoints(found):
    names = sorted(path.name for path in (found["folder"] / "a").glob("[!.]*"))
    assert names == ["latest", "step-00000008", "step-00000012"]


@pytest.mark.parametrize("name", ["batch norm", "draws"])
def test_batch_normalisation_and_random_draws_do_differ(found, name):
    first, _second, alone = (results[name] for results in found["results"])
    assert np.abs(first[0] - alone[0]).max() > 1e-4


def test_a_batch_too_small_for_all_is_refused_in_each_process(found):
    for messages in found["messages"][:2]:
        assert messages[0] == ("batch_size = 1 cannot be used. Allowed: one whose every batch has an example for each "
                               "of the 2 processes. The smallest batch has 1.")


def test_a_loss_that_is_not_finite_in_one_share_stops_all_at_the_same_step(found):
    first, second, alone = (messages[-1] for messages in found["messages"])
    assert first == second and first.startswith("The loss became nan at step ")
    assert first.split(",")[0] == alone.split(",")[0]


def test_shares_cover_a_batch_and_differ_by_one_at_most():
    for size in (1, 2, 3, 7):
        for count in range(size, 40):
            parts = [distributed.Group(rank, size, torch.device("cpu")).share(count) for rank in range(size)]
            assert [row for part in parts for row in range(count)[part]] == list(range(count))
            assert {part.stop - part.start for part in parts} <= {count // size, count // size + 1}


@pytest.mark.parametrize("batch_size, steps, smallest", [(3, 5, 3), (32, 4, 1), (48, 3, 1)])
def test_the_smallest_batch_that_comes_counts(batch_size, steps, smallest):
    group = distributed.Group(0, 4, torch.device("cpu"))
    with pytest.raises(SettingError, match=f"batch_size = {batch_size} .*4 processes. The smallest.* has {smallest}"):
        group.check(Recipe(batch_size=batch_size), 97, steps)


def test_a_last_batch_that_never_comes_is_no_trouble():
    group = distributed.Group(0, 4, torch.device("cpu"))
    group.check(Recipe(batch_size=32), 97, 3)
    group.check(Recipe(batch_size=32), 96, 30)


def test_a_process_alone_joins_nobody(monkeypatch):
    assert distributed.join() is None and Run(ToyNet, toy_dataset(), Recipe()).processes == 1
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")        # torchrun --nproc-per-node 1
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert distributed.join() is None


def test_several_processes_are_refused_what_they_cannot_share(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(SettingError, match="device = 'mps' cannot be used. Allowed: auto, cuda, cpu"):
        distributed.join("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SettingError, match="at most 1 processes, one for each card.*device=\"cpu\""):
        distributed.join("cuda")


def test_a_process_that_fails_says_why():
    with pytest.raises(lab.ProcessError, match="A process failed.*\n(.*\n)*.*ZeroDivisionError"):
        lab.start(1, "print('so far so good')\n1 / 0")


def test_torchrun_ends_all_when_one_fails():
    began = time.perf_counter()
    with pytest.raises(lab.ProcessError, match="KeyError: 'nothing'"):
        lab.start(2, "import os, time\nif os.environ['RANK'] == '1':\n    os.environ['nothing']\ntime.sleep(300)")
    assert time.perf_counter() - began < 100


def test_processes_that_hang_are_stopped():
    with pytest.raises(lab.ProcessError, match="After 1 s the processes had not ended.*\nwaiting"):
        lab.start(1, "import time\nprint('waiting', flush=True)\ntime.sleep(300)", timeout=1)


def test_processes_that_write_nothing_are_reported():
    with pytest.raises(lab.ProcessError, match="without a result. They said:\nhello"):
        lab.start(1, "print('hello')")
    with pytest.raises(SettingError, match="processes = 0"):
        lab.start(0)


def test_the_script_of_the_page_trains_here():
    found = lab.here(batch_sizes=[20, 33], steps=12, seed=1, threads=1)
    assert [len(run["losses"]) for run in found] == [12, 12] and lab.difference(found[0], found[0]) == 0
    assert found[0]["losses"] == lab.here(batch_sizes=[20], steps=12, seed=1, threads=1)[0]["losses"]
    assert found[0]["losses"] != lab.here(batch_sizes=[20], steps=12, seed=2, threads=1)[0]["losses"]
    assert 0 < lab.speed(found[1], 33) < 1e7


def test_speed_is_that_of_the_median_step():
    clock = list(np.cumsum([5.0] * 11 + [0.5, 0.5, 9.0, 0.5, 0.5] * 4))      # starting up does not count
    assert lab.speed({"clock": clock}, 8) == pytest.approx(16)


def test_a_ring_sends_what_a_simulated_one_sends():
    for n in (2, 3, 8):
        pieces = np.arange(n * n * 5, dtype=float).reshape(n, n, 5)     # process, piece, numbers
        total, sent = pieces.sum(0), np.zeros(n)
        for step in range(2 * (n - 1)):
            before = pieces.copy()
            for process in range(n):
                piece = (process - step) % n if step < n - 1 else (process + 1 - (step - n + 1)) % n
                sent[process] += before[process, piece].nbytes / 2          # of 4 bytes each, not 8
                after = before[process, piece] + before[(process + 1) % n, piece]
                pieces[(process + 1) % n, piece] = after if step < n - 1 else before[process, piece]
        assert all(np.array_equal(pieces[process], total) for process in range(n))
        assert np.allclose(sent, lab.Scaling(5 * n, 1, 1).sent(n))


def test_scaling_has_its_limits():
    free = lab.Scaling(1e6, compute=0.1, bandwidth=1e30)
    assert free.speedup(1) == 1 and free.speedup(1024) == pytest.approx(1024)
    slow = lab.Scaling(1e6, compute=0.1, bandwidth=1e7)         # 0.8 s to send what is computed in 0.1
    assert slow.speedup(1024) < slow.speedup(2, overlap=True) < 1
    grown = lab.Scaling(1e6, compute=0.1, bandwidth=1e9, grow=True)
    assert grown.speedup(1024) == pytest.approx(1024 * 0.1 / (0.1 + 2 * 1023 / 1024 * 4e-3))
    assert grown.speedup(1024, overlap=True) == 1024
    late = lab.Scaling(1e6, compute=0.1, bandwidth=1e30, latency=1e-3)
    assert late.sending(101) == pytest.approx(0.2) and late.speedup(1024) < late.speedup(8)
    for wrong in ({"parameters": 0}, {"compute": -1}, {"bandwidth": math.nan}, {"latency": -1}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            lab.Scaling(**{"parameters": 1, "compute": 1, "bandwidth": 1, **wrong})


def test_weighted_losses_give_the_gradient_of_the_whole_batch():
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    x, y = torch.randn(7, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    whole = torch.autograd.grad(F.cross_entropy(x @ weight, y), weight)[0]
    shares = [distributed.Group(rank, 3, torch.device("cpu")).share(7) for rank in range(3)]
    parts = [torch.autograd.grad(F.cross_entropy(x[rows] @ weight, y[rows], reduction="sum") / 7 * 3, weight)[0]
             for rows in shares]
    torch.testing.assert_close(torch.stack(parts).mean(0), whole)
