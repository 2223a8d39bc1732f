"""Diagnosis from a table and lesions in images: what is measured, what is refused, and each verdict of C6.5."""
import functools
import json

import numpy as np
import pytest
import torch

from labkit.applications import diagnosis, lesions
from labkit.claims import HOLDS, IN_PART, NOT, decide
from labkit.claims.ch06.health import corrected_interval
from labkit.experiments.ch06 import diagnosis as diagnosis_runs
from labkit.experiments.ch06 import lesions as lesion_runs
from labkit.models.segment import UNet
from labkit.settings import SettingError

CASES = diagnosis.cases()
CASE = dict(zip(CASES.names, CASES.inputs[0], strict=True))


@pytest.fixture(scope="module")
def diagnose():
    return diagnosis.Diagnosis(diagnosis.logistic(CASES.inputs, CASES.malignant), CASES)


def test_the_cases_are_those_published():
    assert CASES.inputs.shape == (569, 30) and CASES.malignant.sum() == 212
    assert CASES.inputs[CASES.malignant == 1, 0].mean() > CASES.inputs[CASES.malignant == 0, 0].mean()


def test_folds_hold_each_case_once_with_the_same_share_and_follow_the_seed():
    fold = diagnosis.folds(CASES.malignant, 1)
    assert set(np.bincount(fold)) == {113, 114}
    assert all(CASES.malignant[fold == number].sum() in (42, 43) for number in range(5))
    assert np.array_equal(fold, diagnosis.folds(CASES.malignant, 1))
    assert not np.array_equal(fold, diagnosis.folds(CASES.malignant, 2))


def test_no_case_is_judged_by_a_model_that_saw_it():
    def remember(inputs, malignant, seed):
        return lambda held_out: np.array([(inputs == row).all(1).any() for row in held_out], float)
    assert diagnosis.cross_validate(remember, CASES).sum() == 0


@pytest.mark.parametrize("fit", [diagnosis.logistic, functools.partial(diagnosis.network, steps=60)])
def test_both_models_learn_and_leave_torch_alone(fit):
    before = torch.get_rng_state()
    half = diagnosis.Cases(CASES.inputs[:300], CASES.malignant[:300], CASES.names)
    found = fit(half.inputs, half.malignant, 0)(CASES.inputs[300:])
    assert diagnosis.brier(found, CASES.malignant[300:]) < 0.08
    assert torch.equal(before, torch.get_rng_state())


def test_the_penalty_with_the_lowest_loss_is_chosen():
    def fit(inputs, malignant, seed, penalty):
        return lambda inputs: np.full(len(inputs), penalty)
    assert diagnosis.chosen(fit, (0.01, 0.37, 0.99))(CASES.inputs, CASES.malignant)(CASES.inputs[:1]) == 0.37


def test_counts_cost_and_brier_by_hand():
    p, truth = np.array([0.9, 0.4, 0.2, 0.05]), np.array([1, 0, 1, 0])
    assert diagnosis.count(p, truth, 0.3) == {"cases": 4, "malignant": 2, "missed": 1, "false_alarms": 1}
    rows = diagnosis.comparison({"a": p, "b": truth}, truth, 0.3)
    assert [row[1:] for row in rows[:2]] == [[1, 0], [1, 0]]
    assert rows[2][1:] == pytest.approx([0.1500, 0.5101], abs=1e-4) and rows[4][2] == 0
    assert diagnosis.cost(p, truth, 0.3, ratio=5) == pytest.approx(150)
    assert diagnosis.brier(p, truth) == pytest.approx((0.01 + 0.16 + 0.64 + 0.0025) / 4)
    assert diagnosis.log_loss(p[:1], truth[:1]) == pytest.approx(-np.log(0.9))


def test_the_best_threshold_costs_least_where_probabilities_are_right():
    p = np.linspace(0.005, 0.995, 100).repeat(200)
    truth = (np.arange(200) < np.linspace(0.005, 0.995, 100)[:, None] * 200).astype(int).ravel()
    costs = {t: diagnosis.cost(p, truth, t, ratio=9) for t in (0.03, 0.1, 0.3, 0.5)}
    assert min(costs, key=costs.get) == pytest.approx(diagnosis.best_threshold(9))


def test_bins_hold_every_case_once():
    p = np.array([0.0, 0.1, 0.5, 1.0])
    rows = diagnosis.reliability(p, np.array([0, 1, 1, 1]))
    assert [row["cases"] for row in rows] == [2, 1, 1]
    assert rows[0]["malignant"] == 0.5 and rows[0]["probability"] == pytest.approx(0.05)


def test_a_case_gets_a_probability(diagnose):
    answer = diagnose(CASE)
    assert answer["alarm"] is True and answer["malignant"] > 0.9


@pytest.mark.parametrize("change, message", [
    ({"mean radius": None}, "mean radius"), ({"mean radius": "17.9"}, "mean radius"), ({"mean radius": -1}, "0 to"),
    ({"mean radius": float("nan")}, "nan"), ({"mean radius": 17990.0}, "Is the unit right"),
    ({"mean radius": True}, "True"), ({"age": 60}, "age")])
def test_an_impossible_value_is_refused(diagnose, change, message):
    with pytest.raises(SettingError, match=message):
        diagnose({**CASE, **change})


def test_a_missing_measurement_is_named(diagnose):
    with pytest.raises(SettingError, match="29 cannot.*all 30.*Missing: worst area"):
        diagnose({name: value for name, value in CASE.items() if name != "worst area"})
    for case in ("", "x" * 10_000, {}, [1.0] * 30):
        with pytest.raises(SettingError):
            diagnose(case)


def test_images_follow_seed_and_part_and_some_are_healthy():
    images, masks = lesions.generate(200, seed=3)
    assert images.dtype == np.uint8 and images.shape == masks.shape == (200, 32, 32)
    assert 0.5 < masks.any((1, 2)).mean() < 0.9
    ill = masks.any((1, 2))
    assert masks[ill].sum((1, 2)).min() > lesions.SMALLEST
    assert images[ill][masks[ill]].mean() > images[ill][~masks[ill]].mean() + 10
    assert np.array_equal(images, lesions.generate(200, seed=3)[0])
    assert not np.array_equal(images, lesions.generate(200, seed=3, part=1)[0])


def test_dice_by_hand():
    masks = np.zeros((3, 4, 4), bool)
    other = masks.copy()
    masks[:2, 0], other[0, 0, :2], other[1, 1] = True, True, True
    assert lesions.dice(masks, other) == pytest.approx([2 * 2 / 6, 0, 1])


def test_scores_count_missed_lesions_and_false_alarms():
    truth = np.zeros((4, 32, 32), bool)
    truth[:2, :5, :5] = True
    marked = truth.copy()
    marked[1] = False
    marked[2, :3, :4] = True
    assert lesions.scores(marked, truth) == {"images": 4, "lesions": 2, "dice": 0.5, "missed": 1, "false_alarms": 1,
                                             "accuracy": 0.5}


def test_a_threshold_finds_clear_lesions_on_an_even_ground():
    images, masks = lesions.generate(40, contrasts=(0.4, 0.5), noise=0.02, texture=0.01)
    mask = lesions.threshold(images, masks)
    assert lesions.scores(mask(images), masks)["dice"] > 0.8


def test_skips_carry_what_the_bottom_has_lost():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 8, 8)
    assert UNet(2)(image).shape == (1, 64, 2)
    torch.manual_seed(1)
    plain = UNet(2, skips=False).eval()
    weights = plain.state_dict()
    joined = UNet(2).eval()
    joined.load_state_dict(weights)
    assert not torch.allclose(plain(image), joined(image))
    with pytest.raises(SettingError, match="divisible by 4"):
        plain(torch.rand(1, 1, 10, 8))


@pytest.mark.parametrize("image", [np.zeros((32, 32)), np.zeros((16, 16), np.uint8), np.full((32, 32), 7, np.uint8),
                                   "", "x" * 10_000])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(SettingError, match="image"):
        lesions.find(image, lambda images: images > 100)


def test_a_finding_counts_its_pixels():
    image = np.zeros((32, 32), np.uint8)
    image[:3, :3] = 200
    found = lesions.find(image, lambda images: images > 100)
    assert (found.pixels, found.lesion) == (9, False)


def record(runs):
    return {"seeds": [0, 1, 2], "runs": runs, "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": {"name": "made up", "note": "", "sha256": "0"}}


def made(table=0.0, accuracy=0.0, dice=0.0, noise=0.0):
    """A network that is better by these amounts; `noise` alternates in sign from fold to fold."""
    runs = []
    for seed in range(3):
        for better, model in ((0, "logistic"), (1, "network")):
            runs += [{"part": "diagnosis", "seed": seed, "fold": fold, "model": model, "brier": 0.02, "missed": 2,
                      "malignant": 42, "accuracy": 0.95 + better * (table + noise * (-1) ** fold)} for fold in range(5)]
        for better, model in ((0, "threshold"), (1, "network")):
            runs.append({"part": "lesions", "seed": seed, "model": model, "accuracy": 0.8 + better * accuracy,
                         "dice": 0.5 + better * dice, "missed": 9, "lesions": 70, "false_alarms": 3})
    return record(runs)


@pytest.mark.parametrize("gains, verdict", [
    (dict(table=0.02, accuracy=0.1, dice=0.1), HOLDS), (dict(accuracy=0.1, dice=0.1), IN_PART),
    (dict(table=0.02), IN_PART), (dict(), NOT), (dict(table=0.005), NOT), (dict(table=0.02, noise=0.05), NOT),
    (dict(accuracy=0.1, dice=0.04), NOT), (dict(accuracy=0.01, dice=0.1), NOT),
    (dict(table=-0.05, accuracy=-0.1, dice=-0.1), NOT)])
def test_verdicts(gains, verdict):
    judgement = decide("C6.5", made(**gains))
    assert judgement.verdict == verdict and len(judgement.findings) == 5


def test_the_interval_is_wider_than_students():
    values = [0.01, 0.02, 0.03]
    assert corrected_interval(values, 0) == pytest.approx(4.3027 * 0.01 / 3 ** 0.5, rel=1e-3)
    assert corrected_interval(values, 1 / 4) == pytest.approx(4.3027 * 0.01 * (1 / 3 + 1 / 4) ** 0.5, rel=1e-3)


def test_what_is_recorded_can_be_judged(monkeypatch):
    monkeypatch.setattr(diagnosis, "FOLDS", 2)
    monkeypatch.setattr(diagnosis_runs, "CHOICES", {name: (fit, penalties[:1]) for name, (fit, penalties)
                                                    in diagnosis_runs.CHOICES.items()})
    runs = [run for seed in range(3) for run in (*diagnosis_runs.runs(seed, 2), *lesion_runs.runs(seed, 20, 12, 2))]
    assert decide("C6.5", json.loads(json.dumps(record(runs)))).verdict in (HOLDS, IN_PART, NOT)
    assert [run["task"] for run in runs if run["part"] == "outcome"] == 3 * ["diagnosis", "lesions"]
