"""Adversarial networks: scores with known answers, training that depends on the seed alone, collapse and remedy."""
import math

import pytest
import torch

from labkit.experiments.ch10 import gan_paper
from labkit.papers import gan
from labkit.settings import SettingError


def trained(steps, ahead=1, spread=False, seed=100):
    model = gan.plane(seed, spread)
    return model, list(gan.train(model, gan.ring, steps, seed, ahead))


def test_a_score_counts_clusters_and_the_share_inside():
    dice = torch.Generator().manual_seed(0)
    modes, quality = gan.score(gan.ring(4000, dice))
    assert modes == 8 and quality == pytest.approx(1 - math.exp(-4.5), abs=0.01)    # within three deviations, in 2-D
    two = gan.centres()[:2].repeat(50, 1)
    assert gan.score(two) == (2, 1.0)
    assert gan.score(torch.zeros(100, 2)) == (0, 0.0)
    rare = torch.cat([gan.centres()[:1].repeat(999, 1), gan.centres()[1:2]])        # one in a thousand is not covered
    assert gan.score(rare)[0] == 1


def test_training_depends_on_the_seed_alone_and_leaves_torchs_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = trained(5), trained(5)
    assert first[1] == second[1] and [step.index for step in first[1]] == [1, 2, 3, 4, 5]
    assert torch.equal(first[0].samples(10), second[0].samples(10))
    assert torch.equal(torch.get_rng_state(), before)
    assert trained(5, seed=101)[1] != first[1]


def test_the_first_losses_are_those_of_not_knowing():
    _model, (step,) = trained(1)
    assert step.discriminator_loss == pytest.approx(2 * math.log(2), abs=0.2)
    assert step.generator_loss == pytest.approx(math.log(2), abs=0.2)


def test_a_generator_that_runs_ahead_collapses_and_the_feature_of_the_batch_mends_it():
    collapsed, mended = trained(250, 5)[0], trained(250, 5, spread=True)[0]
    spread = [model.samples(1000).std(dim=0).norm().item() for model in (collapsed, mended)]
    assert gan.score(collapsed.samples(2000))[0] <= 2
    assert spread[1] > 2 * spread[0]


def test_the_field_is_of_probabilities_and_knows_up_from_down():
    model = gan.plane(0)
    with torch.no_grad():
        for layer in model.discriminator.body:
            if hasattr(layer, "weight"):
                layer.weight.zero_()
                layer.bias.zero_()
    assert torch.allclose(gan.field(model, 4), torch.full((4, 4), 0.5))
    height = gan.Discriminator(torch.nn.Linear(2, 1))
    with torch.no_grad():
        height.body.weight.copy_(torch.tensor([[0.0, 1.0]]))        # the second coordinate is y
        height.body.bias.zero_()
    shown = gan.field(gan.Gan(model.generator, height, gan.NOISE), 5)
    assert (shown[0] < shown[-1]).all() and torch.allclose(shown[:, 0], shown[:, -1])
    assert gan.field(gan.plane(0, spread=True), 6).shape == (6, 6)


def test_small_clothes_are_those_of_one_class():
    images, real = gan.small_clothes("Bag")
    assert images.shape[1:] == (14, 14) and images.min() >= 0 and images.max() <= 1 and len(images) > 800
    assert real(3, torch.Generator().manual_seed(0)).shape == (3, 14, 14)
    with pytest.raises(SettingError, match="kind = 'Hat'"):
        gan.small_clothes("Hat")


def test_a_regression_tells_apart_what_differs_and_nothing_else():
    dice = torch.Generator().manual_seed(0)
    noise = torch.rand(400, 6, 6, generator=dice)
    assert gan.told_apart(noise[:200], noise[200:]) == pytest.approx(0.5, abs=0.12)
    assert gan.told_apart(noise[:200], noise[200:] + 0.5) > 0.95
    place, distance = gan.nearest(noise[3:5] + 0.001, noise)
    assert place.tolist() == [3, 4] and distance.tolist() == pytest.approx([0.001, 0.001], rel=1e-3)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"generator_steps": 1.5}, {"batch_size": True}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(SettingError, match=f"{next(iter(wrong))} = "):
        next(gan.train(gan.plane(0), gan.ring, **{"steps": 1, **wrong}))


def test_a_recorded_run_has_what_the_rule_reads():
    (run,) = gan_paper.runs(100, steps=3, clothes_steps=3)
    assert {"part", "seed", "modes", "modes_mended", "quality", "quality_mended", "modes_in_step"} <= set(run)
    assert run["part"] == "gan" and 0.8 < run["told_apart"] <= 1        # three steps fool nobody
    assert all(len(data["sha256"]) == 64 for data in gan_paper.data())
