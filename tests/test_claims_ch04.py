"""Rules and recorded experiments of chapter 4."""
import copy
import json

import pytest

from labkit import claims
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.experiments import ch04

CLAIMS = ("C4.1", "C4.2", "C4.3", "C4.4", "C4.5")
TENSORS = dict.fromkeys(("x", "y"), 1e-14)
RUNS = {
    "back-propagation": {"hand_autograd": 1e-15, "hand_finite": 1e-10, "finite_autograd": 1e-10},
    "convolution": {"literal_numbers": 1, "output_numbers": 676, "literal_at_origin": 1e-16, "completed": 1e-16,
                    "flipped": 0.5, "one_channel": 0.7, "all_channels": 1e-15},
    "recurrence": {"states": 1e-15, "outputs": 1e-15, "gradients": 1e-15, "two_biases": 0.0, "one_bias_of_two": 0.1,
                   "logistic": 0.9},
    "attention": {"formula": 1e-15, "without_root": 0.5, "masked": 1e-15, "mask_left_out": 0.4},
    "worked example": {"values": TENSORS, "gradients": TENSORS, "weight_numbers": 1690, "written_weight_numbers": 169,
                       "parameters": 1710, "written_parameters": 1700, "pool_of_k": 0.6},
    "dense gradient": {"formula": {"linear, squared error": 1e-15, "softmax, cross-entropy": 1e-15,
                                   "sigmoid, squared error": 0.9}},
}
SCALES = ({"width": 4, "attended_divided": 11, "attended_undivided": 6, "slope_divided": 0.3, "slope_undivided": 0.3},
          {"width": 256, "attended_divided": 11, "attended_undivided": 1.2, "slope_divided": 0.3,
           "slope_undivided": 0.1})


def record(changes=None, seeds=3):
    """A made-up record; `changes` is {part: {figure: value}}, or {"wide": ...} for the largest width."""
    changes, runs = changes or {}, []
    for seed in range(seeds):
        runs += [{"part": part, "seed": seed, **copy.deepcopy(figures), **changes.get(part, {})}
                 for part, figures in RUNS.items()]
        narrow, wide = SCALES
        runs += [{"part": "scale", "seed": seed, **narrow},
                 {"part": "scale", "seed": seed, **wide, **changes.get("wide", {})}]
    return {"seeds": list(range(seeds)), "runs": runs, "tokens": 16, "date": "2026-01-02", "machine": "a machine",
            "commit": "abc1234", "data": {"name": "made up", "note": "", "sha256": "0"}}


WHOLE = {"written_weight_numbers": 1690, "written_parameters": 1710, "pool_of_k": 1.0}


@pytest.mark.parametrize("claim, verdict, changes", [
    ("C4.1", HOLDS, {}),
    ("C4.1", IN_PART, {"back-propagation": {"hand_finite": 1e-5}}),
    ("C4.1", NOT, {"back-propagation": {"hand_autograd": 1e-5}}),
    ("C4.2", IN_PART, {}),
    ("C4.2", HOLDS, {"convolution": {"literal_numbers": 676, "flipped": 1e-15}}),
    ("C4.2", IN_PART, {"convolution": {"flipped": 1e-15}}),
    ("C4.2", NOT, {"convolution": {"completed": 0.1}}),
    ("C4.2", NOT, {"convolution": {"all_channels": 0.1}}),
    ("C4.3", HOLDS, {}),
    ("C4.3", IN_PART, {"recurrence": {"gradients": 0.1}}),
    ("C4.3", NOT, {"recurrence": {"outputs": 0.1}}),
    ("C4.4", HOLDS, {}),
    ("C4.4", IN_PART, {"wide": {"attended_undivided": 5.5}}),
    ("C4.4", NOT, {"attention": {"formula": 0.1}}),
    ("C4.5", IN_PART, {}),
    ("C4.5", HOLDS, {"worked example": WHOLE}),
    ("C4.5", IN_PART, {"worked example": {**WHOLE, "pool_of_k": 0.99}}),
    ("C4.5", NOT, {"dense gradient": {"formula": {**RUNS["dense gradient"]["formula"], "linear, squared error": 0.1}}}),
    ("C4.5", UNDECIDED, {"worked example": {"gradients": {**TENSORS, "x": 1e-4}}}),
])
def test_each_verdict(claim, verdict, changes):
    judgement = decide(claim, record(changes))
    assert judgement.verdict == verdict and judgement.findings


@pytest.mark.parametrize("claim", CLAIMS)
def test_fewer_than_three_seeds_decide_nothing(claim):
    judgement = decide(claim, record(seeds=2))
    assert judgement.verdict == UNDECIDED and "Fewer than 3" in judgement.findings[-1]


def test_findings_hold_the_measured_numbers():
    assert "1 number; conv2d gives 676" in decide("C4.2", record()).findings[0]
    assert "11.0 (width 4) and 11.0 (width 256) with the root, 6.0 and 1.2 without" in decide(
        "C4.4", record()).findings[1]
    assert "1,700 of 1,710 parameters" in decide("C4.5", record()).findings[1]


@pytest.fixture(scope="module")
def small():
    """The experiments with other seeds than the recorded ones, and few draws."""
    return json.loads(json.dumps(ch04.record(seeds=(7, 8, 9), draws=4)))


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_experiments_give_what_the_rules_read(small, claim):
    made = {"date": "2026-01-02", "machine": "a machine", "commit": "abc1234", **small}
    judgement = decide(claim, made)
    assert judgement.verdict in claims.VERDICTS and "fashion-mnist" in judgement.source


def test_runs_are_three_of_each_part_and_repeat(small):
    parts = [run["part"] for run in small["runs"]]
    assert {part: parts.count(part) for part in RUNS} == dict.fromkeys(RUNS, 3)
    assert parts.count("scale") == 3 * len(ch04.WIDTHS)
    assert json.loads(json.dumps(ch04.record(seeds=(8,), draws=4)))["runs"] == [
        run for run in small["runs"] if run["seed"] == 8]


def test_difference_is_relative_and_infinite_for_other_shapes():
    assert ch04.difference([3.0, 4.0], [3.0, 4.0]) == 0
    assert ch04.difference([1.0], [1.1]) == pytest.approx(0.1 / 1.1)
    assert ch04.difference([1.0], [1.0, 2.0]) == float("inf")
