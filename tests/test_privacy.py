import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit.checks.ch08.privacy import private_gradient
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import load
from labkit.experiments.ch08 import privacy as experiment
from labkit.settings import SettingError
from labkit.trends import privacy


def figures(accuracy, auc, found=0.012):
    return {"accuracy": accuracy, "validation": accuracy, "loss_auc": auc - 0.02, "loss_found": 0.01,
            "ratio_auc": auc, "ratio_found": found}


def record(private, end=0.7, volunteers=0.6, found=0.012):
    """Plain training at two stops, one private training for each (epsilon, accuracy, AUC), three seeds."""
    runs = []
    for seed in range(3):
        shift = 0.001 * seed
        runs += [{"part": "privacy_plain", "seed": seed, "steps": 50, **figures(0.78, 0.56 + shift)},
                 {"part": "privacy_plain", "seed": seed, "steps": 400, **figures(0.77, end, 0.08)},
                 {"part": "privacy_volunteers", "seed": seed, "accuracy": volunteers + shift},
                 *({"part": "privacy_private", "seed": seed, "noise": noise, "epsilon": epsilon, "delta": 2e-4,
                    **figures(accuracy + shift, auc, found)}
                   for noise, (epsilon, accuracy, auc) in enumerate(private, 1))]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


@pytest.mark.parametrize("private, verdict", [
    ([(8, 0.77, 0.53)], HOLDS), ([(8, 0.74, 0.53)], IN_PART), ([(8, 0.59, 0.53)], NOT),
    ([(8, 0.77, 0.56)], NOT),                       # the attack gets through
    ([(30, 0.77, 0.53)], NOT),                      # no guarantee worth the name
    ([(30, 0.77, 0.53), (2, 0.65, 0.51)], IN_PART), ([(2, 0.65, 0.51), (8, 0.77, 0.53)], HOLDS)])
def test_the_rule_can_give_each_verdict(private, verdict):
    assert decide("C8.4", record(private)).verdict == verdict


def test_the_few_who_stand_out_count():
    assert decide("C8.4", record([(8, 0.77, 0.53)], found=0.03)).verdict == NOT


def test_where_nothing_leaks_nothing_is_decided():
    leaks_not = record([(8, 0.77, 0.53)], end=0.52)
    for run in leaks_not["runs"]:
        run.update(ratio_found=0.01)
    assert decide("C8.4", leaks_not).verdict == UNDECIDED
    assert decide("C8.4", {**leaks_not, "runs": leaks_not["runs"][:1]}).verdict == UNDECIDED


def test_one_seed_above_the_margin_is_above_it():
    found = record([(8, 0.77, 0.53)])
    found["runs"][-1]["ratio_auc"] = 0.56
    assert decide("C8.4", found).verdict == NOT


@pytest.fixture(scope="module")
def crowd():
    return privacy.people(load("fashion-mnist"), 3, 200)


def test_each_person_is_a_member_of_half_the_models():
    chosen = privacy.members(10, 6, seed=1)
    assert chosen.sum(0).tolist() == [3] * 10 and chosen.sum(1).tolist() == [5] * 6
    assert torch.equal(chosen[0], ~chosen[1]) and not torch.equal(chosen[0], chosen[2])
    with pytest.raises(SettingError, match="models = 3 cannot.*even"):
        privacy.members(10, 3)
    with pytest.raises(SettingError, match="count = 7 cannot.*even"):
        privacy.people(load("fashion-mnist"), count=7)


def test_a_private_step_is_the_exercises(crowd, monkeypatch):
    monkeypatch.setattr(privacy, "RATE", 0.999999)              # everybody is in the step
    monkeypatch.setattr(privacy, "CLIP", 2.0)
    group = crowd.first(20)
    started, _draw = privacy._start(group, 5, 0)
    weights = list(started.parameters())
    rows = torch.stack([torch.cat([part.flatten() for part in torch.autograd.grad(
        F.cross_entropy(started(group.inputs[[row]]), group.targets[[row]]), weights)]) for row in range(20)])
    lengths = rows.norm(dim=1)
    assert lengths.min() < 2.0 < lengths.max()                  # some are clipped, some are not
    expected = private_gradient.reference(rows, 2.0, torch.zeros(rows.shape[1]), 20 * 0.999999)
    model = privacy.private(group, 1e-9, 1, seed=5)
    moved = torch.cat([(before - after).flatten() for before, after in zip(weights, model.parameters(), strict=True)])
    assert torch.allclose(moved / privacy.LEARNING_RATE, expected, atol=1e-6)


def test_the_noise_is_as_large_as_it_says(crowd, monkeypatch):
    monkeypatch.setattr(privacy, "CLIP", 0.5)
    started, _draw = privacy._start(crowd, 5, 0)
    model = privacy.private(crowd, 1000.0, 1, seed=5)
    moved = torch.cat([(before - after).flatten() for before, after in
                       zip(started.parameters(), model.parameters(), strict=True)]) / privacy.LEARNING_RATE
    assert moved.std().item() == pytest.approx(1000 * 0.5 / (0.5 * len(crowd)), rel=0.03)


def test_training_repeats_itself_warns_of_nothing_and_leaves_torchs_generator_alone(crowd, recwarn):
    state = torch.get_rng_state()
    one, other, third = (privacy.private(crowd, 2.0, 3, seed, index) for seed, index in ((1, 0), (1, 0), (1, 1)))
    assert torch.equal(torch.get_rng_state(), state)
    first = [model.layers[0].weight for model in (one, other, third)]
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])
    assert not [str(warning.message) for warning in recwarn if "hook" in str(warning.message)]
    stops = privacy.plain(crowd, [2, 5], seed=1)
    again = privacy.plain(crowd, [2], seed=1)
    assert torch.equal(stops[2].layers[0].weight, again[2].layers[0].weight)
    assert not torch.equal(stops[2].layers[0].weight, stops[5].layers[0].weight)


def test_epsilon_is_the_accountants_and_moves_the_right_way():
    from opacus.accountants import RDPAccountant
    accountant = RDPAccountant()
    accountant.history = [(2.0, 0.5, 60)]
    ours = privacy.epsilon(2.0, 60, 2e-4)
    tightest = accountant.get_epsilon(2e-4)         # it tries more orders
    assert tightest <= ours < 1.02 * tightest
    assert privacy.epsilon(4.0, 60, 2e-4) < ours < privacy.epsilon(2.0, 100, 2e-4)
    assert ours > privacy.epsilon(2.0, 60, 2e-4, rate=0.1) and ours > privacy.epsilon(2.0, 60, 1e-2)
    with pytest.raises(SettingError, match="noise = 0 cannot.*above 0"):
        privacy.epsilon(0, 60, 2e-4)


def test_the_bound_is_the_largest_advantage_of_its_region():
    alarms = np.linspace(0, 1, 100_001)
    for epsilon, delta in ((0.1, 0.0), (1.0, 1e-3), (8.0, 2e-4)):
        found = privacy.most_found(epsilon, delta, alarms)
        assert (found - alarms).max() == pytest.approx(privacy.advantage_bound(epsilon, delta), abs=1e-4)
    assert privacy.advantage_bound(0.0, 0.0) == 0 and privacy.most_found(0.0, 0.0, 0.3) == pytest.approx(0.3)
    assert privacy.most_found(1000.0, 0.0, 0.5) == 1


def test_confidence_orders_people_as_their_losses_do(crowd):
    model = privacy.plain(crowd, [5])[5]
    with torch.no_grad():
        losses = F.cross_entropy(model(crowd.inputs).double(), crowd.targets, reduction="none").numpy()
    assert np.allclose(np.logaddexp(0, -privacy.confidence([model], crowd)[0]), losses)


def test_attacks_find_members_where_there_is_something_to_find():
    draw, chosen = np.random.default_rng(0), privacy.members(400, 8).numpy()
    nothing = draw.normal(size=(8, 400)) + draw.normal(0, 5, 400)       # some people are easier than others
    for scores in (nothing, privacy.by_ratio(nothing, chosen)):
        found = privacy.success(scores, chosen)
        assert abs(found["auc"] - 0.5) < 0.03 and abs(found["advantage"]) < 0.06 and found["found"] < 0.03
    leaking = nothing + 2 * chosen
    by_loss = privacy.success(leaking, chosen)
    by_ratio = privacy.success(privacy.by_ratio(leaking, chosen), chosen)
    assert 0.55 < by_loss["auc"] < 0.7 and by_ratio["auc"] > 0.85 and by_ratio["found"] > 0.2
    with pytest.raises(SettingError, match="models = 2 cannot"):
        privacy.by_ratio(leaking[:2], chosen[:2])


def test_the_threshold_does_not_come_from_the_people_attacked():
    chosen = privacy.members(8, 2).numpy()
    perfect = np.where(chosen, 1.0, 0.0)
    assert privacy.success(perfect, chosen)["advantage"] == 1
    perfect[0] += 10            # the pair's thresholds are wrong for this model, and the other way round
    assert privacy.success(perfect, chosen) == {"auc": 1, "advantage": 0, "found": 1}


def test_runs_have_what_the_rule_reads():
    found = experiment.runs(0, stops=[2, 4], noises=(4.0, 8.0), steps=1, models=6, count=40, many=60)
    assert [run["part"] for run in found] == [*["privacy_plain"] * 2, *["privacy_private"] * 2, "privacy_volunteers",
                                              *["privacy_size"] * 2]
    record = {"data": experiment.data(), "seeds": [0, 1, 2], "date": "", "machine": "", "commit": "",
              "runs": [{**run, "seed": seed} for run in found for seed in range(3)]}
    judgement = decide("C8.4", record)
    assert len(judgement.findings) == 6 and "epsilon" in judgement.findings[2]
    assert found[2]["epsilon"] > found[3]["epsilon"] > 0 and found[2]["delta"] == 1 / 400
    plain, private = privacy.curves(record["runs"], "ratio_auc").values()
    assert len(plain[0]) == len(private[1]) == 2 and plain[0] == sorted(plain[0])
