"""Each verdict of chapter 3's rules, from made-up records that differ in one point."""
import pytest

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, ch03, decide, known

SEEDS = (0, 1, 2)
SPREAD = (-0.001, 0.0, 0.001)
SCORES = {"train_loss": 0.1, "train_accuracy": 0.99, "validation_loss": 0.6, "validation_accuracy": 0.80,
          "test_loss": 0.6, "test_accuracy": 0.80, "diverged": False}


def runs(experiment, setups):
    """One run a seed for each set-up; a value may be a tuple with one entry a seed."""
    return [{"experiment": experiment, "seed": seed,
             **{name: value[seed] if isinstance(value, tuple) else value for name, value in setup.items()}}
            for seed in SEEDS for setup in setups]


def record(made, seeds=SEEDS):
    return {"seeds": list(seeds), "runs": [run for run in made if run["seed"] in seeds], "near_zero": 1e-3,
            "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": {"name": "made up", "note": "", "sha256": "0"}}


def scale_runs(**ratios):
    """A run for each scale, whose first gradient is this times the last; 1 where nothing is said."""
    named = {"0.01": 0.01, "0.03": 0.03, "0.1": 0.1, "0.3": 0.3, "1": 1.0, "he": "he", "zeros": 0.0}
    return runs("initial_scales", [{"scale": scale, "gradients": [ratios.get(name, 1.0), 0.5, 1.0],
                                    "validation_accuracy": 0.5} for name, scale in named.items()])


@pytest.mark.parametrize("ratios, verdict", [
    ({}, HOLDS), ({"0.01": 0.01, "1": 100.0}, HOLDS),
    ({"0.01": 1e-9}, IN_PART), ({"0.01": 1e-9, "1": 101.0}, IN_PART),
    ({"0.01": 1e-9, "0.03": 0.0, "1": 1e9}, NOT), ({"zeros": 0.0, "he": 0.0}, HOLDS)])
def test_random_scales(ratios, verdict):
    judgement = decide("C3.1", record(scale_runs(**ratios)))
    assert judgement.verdict == verdict and len(judgement.findings) == 8


def test_a_gradient_that_vanished_altogether_is_not_kept():
    made = scale_runs()
    made[0]["gradients"] = [0.0, 0.0, 0.0]
    assert decide("C3.1", record(made)).verdict == IN_PART


def test_a_scale_whose_runs_diverged_says_so_instead_of_an_accuracy():
    made = scale_runs()
    made[4]["validation_accuracy"] = 0.0        # as recorded where each learning rate diverged
    findings = decide("C3.1", record(made)).findings
    assert findings[5].startswith("Scale 1.0:") and findings[5].endswith("at every learning rate in 1 of 3 seeds.")
    assert all("validation accuracy" in finding for finding in (*findings[1:5], *findings[6:]))


def norm_runs(**changes):
    """Three set-ups at two rates; `changes` are {set-up: values}, for both rates."""
    setups = {"without": {"steps_to_loss": (200, 201, 202), "drift": 0.2},
              "normed": {"steps_to_loss": (100, 101, 102), "drift": 0.1},
              "unsettled": {"steps_to_loss": (190, 191, 192), "drift": 0.3}}
    names = {"without": "without", "normed": "batch norm", "unsettled": "batch norm, unsettled"}
    return runs("batch_norm", [
        {"norm": names[key], "learning_rate": rate, "steps": 300, "diverged": False, **values,
         **changes.get(key, {}), **({} if rate == 0.1 else {"steps_to_loss": None})}
        for key, values in setups.items() for rate in (0.1, 0.3)])


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS),
    ({"unsettled": {"steps_to_loss": (110, 111, 112)}}, IN_PART),                       # drifts, and is as fast
    ({"unsettled": {"steps_to_loss": (110, 111, 112), "drift": 0.19}}, HOLDS),          # was not unsettled enough
    ({"normed": {"steps_to_loss": (195, 196, 197)}}, IN_PART),                          # steadier only
    ({"normed": {"drift": (0.1, 0.1, 0.2)}}, IN_PART),                                  # faster only
    ({"normed": {"drift": 0.3, "steps_to_loss": (195, 196, 203)}}, NOT),
    ({"normed": {"drift": 0.3, "steps_to_loss": None}}, NOT),
    ({"without": {"diverged": True}}, UNDECIDED), ({"normed": {"drift": None}}, UNDECIDED)])
def test_batch_norm(changes, verdict):
    assert decide("C3.2", record(norm_runs(**changes))).verdict == verdict


def augmentation_runs(**changes):
    setups = {f"{name}_{images}": {**SCORES, "images": images, "augmentation": name,
                                   **({"test_accuracy": 0.82, "train_accuracy": 0.9} if name == "with" else {})}
              for images in (500, 4000) for name in ("without", "with")}
    return runs("augmentation", [{**values, **changes.get(key, {})} for key, values in setups.items()])


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS),
    ({"with_4000": {"test_accuracy": 0.805}}, IN_PART),
    ({"with_500": {"test_accuracy": 0.80}, "with_4000": {"test_accuracy": 0.79}}, IN_PART),     # narrower gaps only
    ({"with_500": {"test_accuracy": 0.79}, "with_4000": {"test_accuracy": (0.69, 0.79, 0.79)}}, NOT),
    ({"with_500": {"diverged": True}}, UNDECIDED)])
def test_augmentation(changes, verdict):
    assert decide("C3.3", record(augmentation_runs(**changes))).verdict == verdict


def schedule_runs(**changes):
    return runs("schedules", [
        {**SCORES, "schedule": schedule, "learning_rate": rate, "steps": 800, "best_step": 200,
         "validation_loss": 0.5 if rate == 3e-3 else 0.9, **changes.get(schedule.replace("-", "_"), {})}
        for schedule in ("constant", "step", "cosine", "one-cycle") for rate in (1e-3, 3e-3)])


@pytest.mark.parametrize("changes, verdict", [
    ({}, NOT),
    ({"step": {"test_loss": 0.5}}, IN_PART), ({"step": {"test_loss": 0.5}, "one_cycle": {"test_loss": 0.5}}, HOLDS),
    ({"step": {"test_loss": 0.56}}, NOT),                                               # a gap 8 % smaller
    ({"cosine": {"test_accuracy": 0.81}}, IN_PART), ({"cosine": {"test_accuracy": 0.804}}, NOT),
    ({"constant": {"diverged": True}}, UNDECIDED)])
def test_schedules(changes, verdict):
    assert decide("C3.4", record(schedule_runs(**changes))).verdict == verdict


def penalty_runs(**changes):
    setups = [("none", 0.0), ("L2", 1e-3), ("L2", 1e-2), ("L1", 1e-4), ("L1", 1e-3)]
    return runs("penalties", [
        {**SCORES, "penalty": penalty, "strength": strength, "near_zero": 0.1, "exactly_zero": 0.0,
         "validation_loss": 0.5 if strength in (0.0, 1e-3) else 0.9, **changes.get(penalty, {})}
        for penalty, strength in setups])


@pytest.mark.parametrize("changes, verdict", [
    ({}, NOT),
    ({"L1": {"train_accuracy": 0.89}}, IN_PART), ({"L1": {"test_accuracy": 0.81, "train_accuracy": 1.0}}, IN_PART),
    ({"L1": {"train_accuracy": 0.89}, "L2": {"train_accuracy": 0.85}}, HOLDS),
    ({"L1": {"train_accuracy": 0.89}, "L2": {"train_accuracy": (0.91, 0.85, 0.85)}}, IN_PART),
    ({"L1": {"train_accuracy": 0.83, "test_accuracy": 0.79}, "L2": {"train_accuracy": 0.85}}, IN_PART),
    ({"none": {"diverged": True}}, UNDECIDED)])
def test_penalties(changes, verdict):
    assert decide("C3.5", record(penalty_runs(**changes))).verdict == verdict


def optimizer_runs(**changes):
    steps = {"sgd": 300, "momentum": 200, "rmsprop": 150, "adam": 150, "adamw": 150}
    return runs("optimizers", [
        {**SCORES, "optimizer": name, "learning_rate": rate, "steps": 350,
         "steps_to_loss": count, "validation_loss": 0.5 if rate == 0.1 else 0.9, **changes.get(name, {})}
        for name, count in steps.items() for rate in (0.03, 0.1)])


NARROW = {"diverged": (False, True, False)}


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS),
    ({"adam": {"steps_to_loss": 190}}, IN_PART), ({"adam": {"steps_to_loss": None}}, IN_PART),
    ({"adam": {"steps_to_loss": 290}, "rmsprop": {"steps_to_loss": 290}}, NOT),
    ({"adam": {"steps_to_loss": (150, 150, 350)}, "rmsprop": {"steps_to_loss": 290}}, NOT),
    ({"sgd": NARROW}, UNDECIDED)])
def test_optimizers(changes, verdict):
    assert decide("C3.6", record(optimizer_runs(**changes))).verdict == verdict


def test_an_optimizer_with_fewer_usable_rates_is_less_steady():
    made = optimizer_runs()
    for run in made:
        if run["optimizer"] == "rmsprop" and run["learning_rate"] == 0.03:
            run["validation_accuracy"] = 0.77
    assert decide("C3.6", record(made)).verdict == IN_PART
    by_rate = [{"learning_rate": rate, "diverged": False, "validation_accuracy": accuracy}
               for rate, accuracy in ((1, 0.8), (2, 0.785), (3, 0.77))]
    assert ch03.usable_rates(by_rate) == 2
    assert ch03.usable_rates([*by_rate[:2], {**by_rate[0], "diverged": True}]) == 1


def stopping_runs(best=None, last=None):
    return runs("early_stopping", [{**SCORES, "kept": "last", "step": 1600, **(last or {})},
                                   {**SCORES, "kept": "best", "step": 200, "test_loss": 0.5, **(best or {})}])


@pytest.mark.parametrize("best, last, verdict", [
    ({}, {}, HOLDS), ({"test_accuracy": 0.795}, {}, HOLDS), ({"test_accuracy": 0.78}, {}, IN_PART),
    ({"test_loss": 0.58}, {}, NOT), ({"test_loss": (0.3, 0.3, 0.61)}, {}, NOT),
    ({"test_loss": 0.7, "test_accuracy": 0.81}, {}, IN_PART), ({}, {"diverged": True}, UNDECIDED)])
def test_early_stopping(best, last, verdict):
    assert decide("C3.7", record(stopping_runs(best, last))).verdict == verdict


def test_the_choice_of_a_rate_looks_at_validation_alone_and_leaves_out_what_diverged():
    made = runs("x", [{"rate": 1, "validation_loss": 0.5, "test_loss": 0.9, "diverged": False},
                      {"rate": 2, "validation_loss": 0.6, "test_loss": 0.1, "diverged": False},
                      {"rate": 3, "validation_loss": 0.1, "test_loss": 0.1, "diverged": (False, False, True)}])
    assert {run["rate"] for run in ch03.chosen(made, "rate", ch03.validation_loss)} == {1}


MADE = {"C3.1": scale_runs, "C3.2": norm_runs, "C3.3": augmentation_runs, "C3.4": schedule_runs, "C3.5": penalty_runs,
        "C3.6": optimizer_runs, "C3.7": stopping_runs}


@pytest.mark.parametrize("claim", [claim for claim in known() if claim.startswith("C3.")])
def test_fewer_than_three_seeds_decide_nothing(claim):
    judgement = decide(claim, record(MADE[claim](), seeds=(0, 1)))
    assert judgement.verdict == UNDECIDED and len(judgement.findings) > 1
