import pytest

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.claims.ch08 import energy as rule


def record(ratio=1.0, joules_per_flop=1e-10, kind="dense"):
    """Epochs of two models in three seeds that differ by a little."""
    runs = [{"part": "energy", "kind": kind, "seed": seed, "parameters": parameters, "examples": 50_000,
             "flops": 6 * parameters * 50_000 * ratio, "measured": False,
             "joules": 6 * parameters * 50_000 * ratio * joules_per_flop * (1 + 0.01 * seed)}
            for parameters in (10_000, 100_000) for seed in range(3)]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


def test_published_models_decide(monkeypatch):
    assert decide("C8.3", record()).verdict == HOLDS
    monkeypatch.setattr(rule, "HOME", 1e5)                                              # T5-11B takes fewer kWh
    assert decide("C8.3", record()).verdict == IN_PART
    monkeypatch.setattr(rule, "HOME", 1e12)                                             # heavy in arithmetic alone
    assert decide("C8.3", record()).verdict == IN_PART
    monkeypatch.setattr(rule, "YEAR", 1e12)
    assert decide("C8.3", record()).verdict == NOT


def test_a_thrifty_machine_counts_and_a_wasteful_one_does_not():
    homes = {joules: {model["model"]: model["homes"] for model in rule.heavy(joules)} for joules in (1e-15, 1e-10, 1)}
    assert homes[1e-15]["GPT-3"] == pytest.approx(3.14e23 * 1e-15 / 3.6e6 / rule.HOME)
    assert homes[1e-10] == homes[1]
    assert decide("C8.3", record(joules_per_flop=1e-16)).verdict == IN_PART             # arithmetic stays heavy


@pytest.mark.parametrize("ratio, decided", [(1.4, True), (0.7, True), (1.6, False), (0.6, False)])
def test_the_formula_must_agree_with_what_was_counted(ratio, decided):
    assert (decide("C8.3", record(ratio)).verdict != UNDECIDED) == decided


def test_without_a_dense_model_nothing_is_decided():
    found = decide("C8.3", record(kind="convolution"))
    assert found.verdict == UNDECIDED and "No epoch" in found.findings[0]
