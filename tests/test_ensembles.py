import copy

import pytest
import torch
from torch import nn

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import load
from labkit.experiments.ch08 import distributed as experiment_of_processes
from labkit.experiments.ch08 import ensembles as experiment
from labkit.models.vision import parameter_count
from labkit.settings import SettingError
from labkit.trends import distributed, ensembles

LOGITS = torch.tensor([[[4.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]]])     # one is sure, two lean elsewhere


@pytest.fixture(scope="module")
def data():
    return load("fashion-mnist").first(train=1500, validation=300, test=500)


@pytest.fixture(scope="module")
def found(data):
    torch.set_num_threads(1)
    return ensembles.members(data, 3, seed=100, steps=120)


def test_averages_and_votes_can_name_different_classes():
    assert ensembles.fuse(LOGITS, "logits").argmax() == 0 and ensembles.fuse(LOGITS, "votes").argmax() == 1
    torch.testing.assert_close(ensembles.fuse(LOGITS), LOGITS.softmax(-1).mean(0))
    assert ensembles.fuse(LOGITS[:2], "votes").argmax() == 0        # one vote each: the surer one
    with pytest.raises(SettingError, match="how = 'median'.*probabilities, logits, votes"):
        ensembles.fuse(LOGITS, "median")


def test_growth_is_the_mean_over_all_ensembles():
    targets = torch.tensor([1])
    assert ensembles.growth(LOGITS, targets, "votes") == pytest.approx([2 / 3, 1 / 3, 1])
    assert ensembles.growth(LOGITS, targets, "logits") == pytest.approx([2 / 3, 1 / 3, 0])


def test_members_differ_and_repeat_themselves(data, found):
    again = ensembles.train(data, 1000 * 100 + 1, 120)
    assert all(map(torch.equal, again.parameters(), found.models[1].parameters()))
    assert not torch.equal(found.test[0], found.test[1])
    scores = [ensembles.accuracy(logits, data.validation.targets) for logits in found.validation]
    assert scores[ensembles.best(found, data)] == max(scores)


def test_weights_of_networks_trained_apart_make_no_network_and_those_of_one_run_do(data, found):
    mean = sum(ensembles.score(model, data.test) for model in found.models) / 3
    before = copy.deepcopy(found.models[0].state_dict())
    assert ensembles.score(ensembles.soup(found.models), data.test) < mean - 0.05
    assert all(torch.equal(value, before[name]) for name, value in found.models[0].state_dict().items())
    checkpoints = ensembles.along(data, 4, seed=100, steps=120)
    assert len(checkpoints) == 4 and not torch.equal(checkpoints[0].layers[0].weight, checkpoints[3].layers[0].weight)
    assert ensembles.score(ensembles.soup(checkpoints), data.test) > mean - 0.05
    shown = ensembles.curves(found, checkpoints[1:], data.test)
    assert shown["weights"][0] == pytest.approx(ensembles.score(found.models[0], data.test))
    assert shown["weights along one run"][0] == pytest.approx(ensembles.score(checkpoints[-1], data.test))
    assert shown["probabilities"][0] == pytest.approx(mean)


def test_a_soup_is_the_mean_of_the_weights():
    models = [nn.Linear(2, 1) for _model in range(3)]
    torch.testing.assert_close(ensembles.soup(models).weight, torch.stack([model.weight for model in models]).mean(0))
    assert torch.equal(ensembles.soup(models[:1]).weight, models[0].weight)


def test_one_network_of_their_size_is_no_larger(data):
    width = ensembles.equal(data, 5)
    all_five = 5 * parameter_count(ensembles.network(data))
    assert parameter_count(ensembles.network(data, width)) <= all_five
    assert parameter_count(ensembles.network(data, width + 1)) > all_five


def test_three_answers_take_longer_than_one(data, found):
    times = ensembles.latency(found.models, data.test.inputs, rounds=5)
    assert times[1] < times[3]


def test_counts_are_whole_numbers(data):
    for call in (ensembles.members, ensembles.along):
        with pytest.raises(SettingError, match="count = 0"):
            call(data, 0)


def test_runs_have_what_the_rule_reads(monkeypatch):
    monkeypatch.setattr(ensembles, "train", lambda data, seed, steps, hidden=8: ensembles.network(data, hidden))
    alone = experiment.runs(100, steps=4, train=64, trials=1)
    monkeypatch.setattr(distributed, "start", lambda processes, threads, **asked: distributed.here(
        **{**asked, "steps": 3}, threads=1))
    pairs = experiment_of_processes.runs(100, rounds=1)
    found = {"runs": [{**run, "seed": seed} for run in alone + pairs for seed in range(3)], "seeds": [0, 1, 2],
             "data": experiment.data(), "date": "", "machine": "", "commit": ""}
    assert decide("C8.2", found).verdict in (IN_PART, NOT) and len(decide("C8.2", found).findings) == 6


def record(gain=0.01, difference=1e-6, factor=1.8, wobble=0.001):
    """Three seeds of everything; the gain differs by `wobble` between them."""
    alone = [{"part": "ensembles", "seed": seed, "members": 5, "mean": 0.86, "best": 0.87, "wide": 0.88, "soup": 0.3,
              "ensemble": 0.87 + gain + wobble * (seed - 1), "last": 0.86, "along": 0.88} for seed in range(3)]
    pairs = [{"part": "distributed", "seed": seed, "batch": batch, "batch_size": size, "difference": difference,
              "one": 1000.0, "two": 1000 * (factor if batch == "large" else 0.5), "threads": 1500.0}
             for batch, size in (("large", 501), ("small", 33)) for seed in range(3)]
    return {"data": [], "seeds": [0, 1, 2], "runs": alone + pairs, "date": "", "machine": "", "commit": ""}


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS), ({"gain": 0.004}, IN_PART), ({"gain": 0.01, "wobble": 0.01}, IN_PART),     # within its interval
    ({"difference": 2e-4}, IN_PART), ({"factor": 1.4}, IN_PART), ({"gain": 0.0, "factor": 1.4}, NOT),
    ({"gain": -0.01, "difference": 1.0}, NOT)])
def test_the_rule_can_give_each_verdict(changes, verdict):
    assert decide("C8.2", record(**changes)).verdict == verdict


@pytest.mark.parametrize("missing", [{"part": "ensembles"}, {"batch": "large"}, {"batch": "small"}])
def test_without_its_runs_the_rule_decides_nothing(missing):
    found = record()
    found["runs"] = [run for run in found["runs"] if not missing.items() <= run.items()]
    assert decide("C8.2", found).verdict == UNDECIDED


def test_one_seed_whose_losses_part_is_enough():
    found = record()
    found["runs"][-1]["difference"] = 1e-3
    assert decide("C8.2", found).verdict == IN_PART
