"""Section 6.2: blocks and networks, the product and its refusals, occlusion, the rule of C6.2, the recorded runs."""
import dataclasses
import functools
import json

import numpy as np
import pytest
import torch
from torch import nn

from labkit.applications import pictures
from labkit.claims import HOLDS, IN_PART, NOT, decide
from labkit.data import load
from labkit.experiments.ch06 import pictures as experiment
from labkit.models import BlockNet, ConvBlock, EfficientBlock, ResidualNet, flops
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def data():
    return load("fashion-mnist").first(train=300, validation=50, test=50)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ResidualNet(6, 4).eval()


@pytest.mark.parametrize("depth", [4, 8, 20])
def test_depth_counts_the_layers_with_weights(depth):
    layers = [layer for layer in ResidualNet(depth, 4).modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


@pytest.mark.parametrize("depth", [2, 7, 8.0])
def test_a_depth_that_no_blocks_make_is_refused(depth):
    with pytest.raises(SettingError, match="depth = .* even number of at least 4"):
        ResidualNet(depth)


def test_kinds_differ_in_the_skip_alone():
    weights = []
    for skips in (True, False):
        torch.manual_seed(3)
        weights.append(ResidualNet(8, 4, skips).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    block, x = ConvBlock(4).eval(), torch.rand(2, 4, 5, 5)
    nn.init.zeros_(block.norm2.weight)
    assert torch.equal(block(x), x)             # no change: the input itself, which is not negative
    block.skip = False
    assert not block(x).any()


def test_the_efficient_block_is_its_input_where_it_projects_to_nothing():
    block, x = EfficientBlock(4).eval(), torch.randn(2, 4, 5, 5)
    assert block(x).shape == x.shape and not torch.allclose(block(x), x)
    nn.init.zeros_(block.norm3.weight)
    assert torch.equal(block(x), x)


def test_flops_count_two_for_each_multiplication_and_leave_the_model_in_its_mode():
    net = BlockNet(ConvBlock, 1, 3).train()
    assert flops(net, (1, 8, 8)) == 2 * (16 * 9 * 3 + 2 * 16 * 9 * 9 + 30) and net.training
    assert flops(net.eval(), (1, 8, 8)) and not net.training


def test_smaller_pictures_are_means_of_pixels(data):
    small = pictures.smaller(data)
    assert small.input_shape == (1, 14, 14) and small.train.inputs.dtype == torch.uint8
    assert small.train.inputs[5, 0, 6, 7] == round(data.train.inputs[5, 0, 12:14, 14:16].float().mean().item())
    assert torch.equal(small.test.targets, data.test.targets)
    with pytest.raises(SettingError, match="side = 29"):
        pictures.smaller(data, 29)


def test_the_baseline_learns_and_is_scored(data):
    fitted = pictures.baseline(pictures.smaller(data).train)
    accuracy = pictures.baseline_accuracy(fitted, pictures.smaller(data).test)
    assert 0.4 < accuracy < 1 and accuracy * 50 == pytest.approx(round(accuracy * 50))


def test_recognise_names_the_likeliest_class(model, data):
    recognise = pictures.recogniser(model, data)
    image = data.test.inputs[0]
    with torch.no_grad():
        chances = model(image[None] / 255).softmax(1)[0]
    name, confidence = recognise(image)
    assert name == data.class_names[chances.argmax()] and confidence == pytest.approx(chances.max().item(), rel=1e-5)
    assert recognise(image.numpy()) == (name, confidence)


@pytest.mark.parametrize("image, message", [
    ("shoe.png", "image = 'str' .* a tensor or an array"),
    (torch.rand(1, 28, 28), "image.dtype = 'torch.float32' .* 0 to 255"),
    (torch.ones(28, 28, dtype=torch.uint8), r"image.shape = \(28, 28\) .*\(1, 28, 28\)"),
    (np.ones((3, 32, 32), "uint8"), r"image.shape = \(3, 32, 32\)"),
    (torch.zeros(1, 28, 28, dtype=torch.uint8), "every pixel 0.* some contrast"),
])
def test_recognise_refuses_what_it_was_not_trained_for(model, data, image, message):
    with pytest.raises(SettingError, match=message):
        pictures.recogniser(model, data)(image)


class Corner(nn.Module):
    """Says class 1 as surely as the top left pixel is bright."""

    def forward(self, images):
        corner = 4 * images[:, 0, 0, 0]
        return torch.stack([torch.zeros_like(corner), corner], dim=1)


def test_occlusion_finds_the_only_pixel_that_matters():
    image = torch.full((1, 8, 8), 255, dtype=torch.uint8)
    found = pictures.occlusion(Corner(), image, window=2, stride=2)
    assert found.shape == (8, 8)
    full = torch.tensor([0.0, 4.0]).softmax(0)[1].item()
    assert torch.allclose(found[:2, :2].double(), torch.full((2, 2), full - 0.5).double(), atol=1e-6)
    assert found[2:].abs().max() < 1e-6 and found[:, 2:].abs().max() < 1e-6
    against = pictures.occlusion(Corner(), image, window=2, stride=2, label=0)
    assert torch.allclose(against, -found)


@pytest.mark.parametrize("values", [{"window": 0}, {"window": 9}, {"window": 2, "stride": 3}, {"stride": 0}])
def test_a_window_that_does_not_fit_is_refused(values):
    with pytest.raises(SettingError, match="window|stride"):
        pictures.occlusion(Corner(), torch.ones(1, 8, 8, dtype=torch.uint8), **values)


def made(**accuracies):
    """A record whose training accuracies are 0.8 but where `accuracies`, by kind and depth, says otherwise."""
    runs = []
    for seed in range(3):
        for kind in ("plain", "residual"):
            for depth in (8, 56):
                value = accuracies.get(f"{kind}{depth}", 0.8)
                value = value[seed] if isinstance(value, tuple) else value
                runs += [{"part": "picture_depth", "seed": seed, "kind": kind, "depth": depth, "learning_rate": rate,
                          "train_accuracy": accuracy, "test_accuracy": 0.7}
                         for rate, accuracy in ((0.03, value), (0.1, 0.1))]
            runs.append({"part": "picture_gradients", "seed": seed, "kind": kind, "depth": 56,
                         "gradients": [2.0, 3.0, 1.0]})
    return {"seeds": [0, 1, 2], "runs": runs, "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": {"name": "made up", "note": "", "sha256": "0"}}


@pytest.mark.parametrize("accuracies, verdict", [
    ({"plain56": 0.5}, HOLDS), ({"plain56": 0.5, "residual56": 0.781}, HOLDS),
    ({"plain56": 0.5, "residual56": 0.77}, IN_PART),                                    # better, and degrades too
    ({"plain8": 0.5, "plain56": 0.5}, IN_PART),                                         # the plain ones do not degrade
    ({}, NOT), ({"plain56": 0.5, "residual56": 0.5}, NOT), ({"plain56": 0.79}, NOT),
    ({"plain56": (0.5, 0.5, 0.81)}, NOT)])                                              # not in every seed
def test_the_rule_of_residual_connections(accuracies, verdict):
    judgement = decide("C6.2", made(**accuracies))
    assert judgement.verdict == verdict and len(judgement.findings) == 6
    assert "rate 0.03" in judgement.findings[0] and "2 ±" in judgement.findings[-1]


def test_recorded_runs_have_what_the_rule_and_the_table_read(data, monkeypatch):
    data = dataclasses.replace(data, note="made small")
    monkeypatch.setattr(experiment, "load", lambda name: data)
    monkeypatch.setattr(pictures, "baseline", functools.cache(pictures.baseline))   # the same whatever the seed
    monkeypatch.setattr(experiment, "DEPTHS", (4, 6))
    monkeypatch.setattr(experiment, "RATES", (0.03,))
    monkeypatch.setattr(experiment, "BLOCKS", {"convolution": (ConvBlock, (4,)), "efficient": (EfficientBlock, (4,))})
    runs = json.loads(json.dumps([run for seed in (0, 1, 2) for run in experiment.runs(seed, share=0.01)]))
    record = {**made(), "runs": runs, "data": experiment.data()}
    assert len(decide("C6.2", record).findings) == 6
    outcome = next(run for run in runs if run["part"] == "outcome")
    assert outcome["examples"] == 300 and outcome["latency"] > 0 < outcome["simple"]
    assert {run["kind"] for run in runs if run["part"] == "picture_blocks"} == {"convolution", "efficient"}
    again = [run for run in experiment.runs(0, share=0.01) if run["part"] in ("picture_depth", "picture_gradients")]
    assert again == [run for run in runs if run["seed"] == 0 and run["part"] in ("picture_depth", "picture_gradients")]
