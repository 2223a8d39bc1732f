import pytest

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide


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
