"""Chapter 3's experiments in miniature: every rule can read what they record."""
import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from labkit import claims, record
from labkit.data import load
from labkit.experiments import ch03
from labkit.models.dense import MLP


@pytest.fixture
def small(monkeypatch):
    """Few images, shallow networks, grids of one rate: enough to run every line."""
    data = load("fashion-mnist")
    data = dataclasses.replace(data, train=data.train.first(1000), validation=data.validation.first(20),
                               test=data.test.first(20), note="made small")
    monkeypatch.setattr(ch03, "load", lambda name, path=None: data)
    monkeypatch.setattr(ch03, "DEPTH", 4)
    monkeypatch.setattr(ch03, "LOOK_EVERY", 1)
    monkeypatch.setattr(ch03, "SCALES", (0.0, 1.0, "he"))
    monkeypatch.setattr(ch03, "PENALTIES", {"none": (0.0,), "L2": (1e-3,), "L1": (1e-3,)})
    monkeypatch.setattr(ch03, "SIZES", (40, 60))
    for name in ("NORM_RATES", "SCHEDULE_RATES"):
        monkeypatch.setattr(ch03, name, (0.01,))
    monkeypatch.setattr(ch03, "OPTIMIZERS", dict.fromkeys(ch03.OPTIMIZERS, (0.01,)))
    return data


def test_a_record_has_what_the_rules_read(small, capsys):
    made = json.loads(json.dumps({"chapter": "03", **record.surroundings(), **ch03.record(seeds=(0, 1), share=0.01)}))
    assert made["data"]["sha256"] == small.sha256
    assert {run["seed"] for run in made["runs"]} == {0, 1}
    for claim in claims.known():
        if claim.startswith("C3."):
            judgement = claims.decide(claim, made)
            assert judgement.verdict in claims.VERDICTS and len(judgement.findings) > 2
            assert "made small" in judgement.source


def test_a_run_that_diverges_is_recorded_as_such(small, monkeypatch, capsys):
    class Overflow(torch.nn.Linear):
        def forward(self, images):
            return 3e38 * super().forward(images.flatten(1))
    monkeypatch.setattr(ch03, "OPTIMIZERS", {"sgd": (0.01,)})
    monkeypatch.setattr(ch03, "_cnn", lambda: Overflow(784, 10))
    run, = ch03.optimizers(small, seed=0, share=0.2)
    assert run["diverged"] and run["validation_loss"] is None and run["steps_to_loss"] is None


def test_steps_to_a_loss_count_from_one_and_use_the_mean_of_twenty():
    losses = np.array([1.0] * 30 + [0.0] * 30)
    assert ch03._steps_to(losses, 0.5) == 41        # the mean of the last twenty is 0.45
    assert ch03._steps_to(losses[:40], 0.4) is None
    assert ch03._steps_to(losses[:10], 2.0) is None


def test_drift_counts_both_moments_in_standard_deviations():
    still = torch.zeros(4), torch.full((4,), 2.0)
    moved = torch.full((4,), 3.0), torch.full((4,), 6.0)
    assert ch03.drift([still, still]) == 0
    assert ch03.drift([still, moved]) == pytest.approx(math.hypot(3, 4) / 2)
    assert ch03.drift([still]) is None


def test_unsettling_moves_whole_units_in_training_only():
    layer, x = ch03.Unsettle(), torch.randn(100, 3)
    assert layer.eval()(x) is x
    first, second = layer.train()(x), layer(x)
    assert not torch.allclose(first, second)
    standard = (first - first.mean(0)) / first.std(0)
    assert torch.allclose(standard, (x - x.mean(0)) / x.std(0), atol=1e-4)


def test_looking_at_the_moments_leaves_the_model_as_it_was():
    model = MLP(784, 8, 8, 8, 10, batch_norm=True).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ch03._moments(model, torch.rand(16, 784))
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
