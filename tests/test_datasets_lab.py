import math

import pytest
import torch

from labkit.data import load
from labkit.experiments.ch08 import datasets as experiment
from labkit.settings import SettingError
from labkit.trends import datasets

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pictures():
    return datasets.pictures(load("fashion-mnist"))


def test_wrong_labels_are_as_many_as_asked_and_all_wrong(pictures):
    clean = datasets.spoilt(pictures.train, 500, seed=2)
    wrong = datasets.spoilt(pictures.train, 500, "wrong labels", 0.3, seed=2)
    assert torch.equal(clean.inputs, wrong.inputs) and (clean.targets != wrong.targets).sum() == 150
    shift = (wrong.targets - clean.targets)[clean.targets != wrong.targets] % 10
    assert set(shift.tolist()) == set(range(1, 10)) and wrong.targets.max() == 9
    assert len(pictures.train) > 10_000 and pictures.input_shape == (1, 14, 14)


def test_a_larger_draw_holds_the_smaller_one(pictures):
    few, many = (datasets.spoilt(pictures.train, count, seed=2) for count in (50, 80))
    assert torch.equal(few.inputs, many.inputs[:50])
    assert not torch.equal(few.inputs, datasets.spoilt(pictures.train, 50, seed=3).inputs)


def test_copies_and_a_missing_class(pictures):
    copies = datasets.spoilt(pictures.train, 300, "copies", 0.5, seed=2)
    assert len(copies) == 300 and len(copies.inputs.flatten(1).unique(dim=0)) in (149, 150)
    lacking = datasets.spoilt(pictures.train, 300, "a class left out", seed=14)
    assert set(lacking.targets.tolist()) == set(range(10)) - {4}


@pytest.mark.parametrize("change, message", [
    ({"count": 0}, "count = 0 cannot.*1 to"), ({"count": 10**6}, "count = 1000000"), ({"share": 1.0}, "share = 1.0"),
    ({"defect": "typing errors"}, "defect = 'typing errors'.*copies")])
def test_what_cannot_be_made_is_refused(pictures, change, message):
    with pytest.raises(SettingError, match=message):
        datasets.spoilt(pictures.train, **{"count": 100, "defect": "wrong labels", "share": 0.5} | change)


def test_quality_shows_in_the_test_accuracy(pictures):
    clean, noisy = (datasets.train(pictures, datasets.spoilt(pictures.train, 400, "wrong labels", share), 60, threads=1)
                    for share in (0.0, 0.7))
    assert clean > noisy + 0.1 and clean > 0.55
    assert clean == datasets.train(pictures, datasets.spoilt(pictures.train, 400), 60, threads=1)


def test_noisy_labels_are_exchanged_at_equal_accuracy():
    found = {0.0: ([10, 100, 1000], [0.2, 0.4, 0.6]), 0.4: ([10, 100, 1000], [0.1, 0.3, 0.4])}
    assert datasets.worth(found, 0.0, 100) == pytest.approx(1)
    assert datasets.worth(found, 0.4, 1000) == pytest.approx(10)
    assert datasets.worth(found, 0.4, 100) == pytest.approx(100 / 10**1.5)
    assert math.isnan(datasets.worth(found, 0.4, 10))       # no right labels are so few


def test_money_buys_labels_at_their_price():
    found = {0.0: ([10, 1000], [0.2, 0.6])}
    assert datasets.bought(found, 0.0, money=200, price=2) == pytest.approx(0.4)
    assert math.isnan(datasets.bought(found, 0.0, money=10_000, price=2))


def test_runs_hold_the_grid_and_the_other_defects():
    found = experiment.runs(0, steps=2, counts=(20, 40), shares=(0.0, 0.5))
    assert [run["defect"] for run in found] == ["wrong labels"] * 4 + ["copies", "a class left out"]
    assert {(run["count"], run["share"]) for run in found[:4]} == {(20, 0.0), (40, 0.0), (20, 0.5), (40, 0.5)}
    curves = datasets.curves([*found, {"part": "transfer"}, {**found[0], "accuracy": found[0]["accuracy"] + 0.2}])
    assert list(curves) == [0.0, 0.5, "copies", "a class left out"] and curves["copies"][0] == [40]
    assert curves[0.0][1] == pytest.approx([found[0]["accuracy"] + 0.1, found[1]["accuracy"]])
