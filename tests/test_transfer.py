import math

import pytest
import torch

from labkit.data import load
from labkit.experiments.ch08 import transfer as experiment
from labkit.settings import SettingError
from labkit.trends import transfer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits():
    return transfer.digits(3)


def test_digits_are_dealt_once_and_look_like_the_first_domain(digits):
    garments = load("fashion-mnist")
    assert digits.input_shape == garments.input_shape and digits.train.inputs.dtype == torch.uint8
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1000, 200, 597)
    assert digits.train.inputs.max() == 255 and digits.train.inputs[:, :, :2].max() == 0
    seen = torch.cat([split.inputs.flatten(1) for split in (digits.train, digits.validation, digits.test)])
    assert len(seen.unique(dim=0)) > 1790           # no picture is in two parts
    other = transfer.digits(4)
    assert other.sha256 == digits.sha256 and not torch.equal(other.test.targets, digits.test.targets)
    assert all((other.train.targets == digit).any() for digit in range(10))


def test_ways_share_the_labels_and_differ_in_what_they_start_from(digits):
    start = transfer.network()
    before = [weight.clone() for weight in start.parameters()]
    found = transfer.compare(start, digits, (40,), 3, seed=1, threads=1)
    assert set(found) == set(transfer.WAYS) and all(0 <= curve[0] <= 1 for curve in found.values())
    assert all(torch.equal(old, new) for old, new in zip(before, start.parameters(), strict=True))
    assert found["pixels alone"][0] > 0.5 and found == transfer.compare(start, digits, (40,), 3, seed=1, threads=1)
    with pytest.raises(SettingError, match="way = 'luck' cannot.*from scratch"):
        transfer.learn("luck", start, digits, 40, 3)


def test_a_body_gives_the_features_that_the_dense_layer_reads(digits):
    model, images = transfer.network(), digits.test.inputs[:3] / 255
    features = transfer.body(model)(images)
    assert features.shape == (3, 256) and torch.allclose(model.dense(features), model(images))


def test_labels_are_worth_what_the_curves_say():
    counts, slow, quick = (10, 100, 1000), [0.2, 0.4, 0.6], [0.4, 0.6, 0.8]
    assert transfer.labels_worth(counts, slow, quick, 0.5) == pytest.approx(10)
    assert transfer.labels_worth(counts, slow, slow, 0.5) == pytest.approx(1)
    assert math.isnan(transfer.labels_worth(counts, slow, quick, 0.7))      # one of them does not get there


def test_runs_hold_each_way_and_number_of_labels():
    found = experiment.runs(0, pretraining=2, steps=2, counts=(20, 40))
    assert len(found) == 1 + 2 * len(transfer.WAYS) and {run["part"] for run in found} == {"transfer",
                                                                                         "transfer_first"}
    assert {source["name"] for source in experiment.data()} == {"fashion-mnist", "digits"}
