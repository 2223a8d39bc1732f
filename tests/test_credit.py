import numpy as np
import pytest
import torch

from labkit.applications import credit
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import table
from labkit.experiments.ch06 import credit as experiment
from labkit.settings import SettingError

LOANS = table("german-credit").frame
BAD = np.array([True, True, False, False])


@pytest.fixture(scope="module")
def scorer():
    return credit.fit("logistic", LOANS[:600], LOANS[600:800])


def test_cost_counts_both_mistakes():
    assert credit.cost([True, False, True, False], BAD) == (5 + 1) / 4
    assert credit.cost(BAD, BAD) == 0 and credit.cost(~BAD, BAD, ratio=3) == (2 * 3 + 2) / 4


def test_the_cheapest_threshold_is_the_one_on_the_curve():
    probability = np.array([0.9, 0.3, 0.2, 0.6])
    assert credit.cheapest(probability, BAD) == 0.21                # accepts the one of 0.2, refuses a good one
    assert credit.cheapest(probability, BAD, ratio=0.5) == 0.61     # would rather accept the bad one of 0.3
    assert credit.curve(probability, BAD)[0] == 0.5                 # refuses all
    assert credit.curve(probability, BAD)[-1] == 2.5                # accepts all


def test_each_loan_is_tested_once_and_never_by_a_model_that_saw_it():
    bad = (1 - LOANS["risk"]).to_numpy()
    folds = credit.deal(bad, seed=1)
    assert sorted(np.concatenate([test for *_rest, test in folds])) == list(range(1000))
    assert sorted(np.concatenate([validation for _train, validation, _test in folds])) == list(range(1000))
    for rows in folds:
        assert sorted(np.concatenate(rows)) == list(range(1000))
        assert all(bad[part].mean() == pytest.approx(0.3) for part in rows)


def test_what_is_prepared_comes_from_training_rows_alone():
    changed = LOANS[600:800].assign(credit_amount=1e6, purpose="yacht")
    one, other = (credit.fit("logistic", LOANS[:600], validation) for validation in (LOANS[600:800], changed))
    for scorer in (one, other):
        scaler = scorer.prepare.named_transformers_["numbers"][-1]
        assert scaler.mean_[0] == pytest.approx(np.log(LOANS["credit_amount"][:600]).mean())
    assert "yacht" not in other.prepare.named_transformers_["kinds"].categories_[-1]


@pytest.mark.parametrize("model", credit.MODELS)
def test_models_rank_loans_leave_torchs_generator_alone_and_repeat_themselves(model):
    state = torch.get_rng_state()
    one, other = (credit.fit(model, LOANS[:600], LOANS[600:800], seed=3, steps=100) for _time in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    probability = one.probability(LOANS[800:])
    assert np.array_equal(probability, other.probability(LOANS[800:]))
    bad = LOANS["risk"][800:] == 0
    assert probability[bad].mean() > probability[~bad].mean() + 0.05


def test_neither_sex_nor_age_is_read(scorer):
    loan = LOANS.iloc[0].to_dict()
    assert scorer.score(loan) == scorer.score(loan | {"sex": "female", "age": 19})
    assert scorer.score({name: loan[name] for name in credit.FIELDS}) == scorer.score(loan)


def test_the_inference_function_accepts_below_its_threshold(scorer):
    for loan in LOANS[800:].to_dict("records"):
        found = scorer.score(loan)
        if abs(found["probability"] - scorer.threshold) > 0.001:
            assert found["accept"] == (found["probability"] < scorer.threshold)


@pytest.mark.parametrize("change, message", [
    ({"purpose": "yacht"}, "purpose = 'yacht' cannot.*car.*radio/TV"), ({"job": 7}, "job = 7 cannot.*0, 1, 2, 3"),
    ({"credit_amount": -1}, "credit_amount = -1 cannot.*above 0"), ({"duration": "long"}, "duration = 'long'"),
    ({"credit_amount": float("nan")}, "credit_amount = nan"), ({"purpose": ["car"]}, "purpose = ")])
def test_what_cannot_be_scored_is_refused(scorer, change, message):
    with pytest.raises(SettingError, match=message):
        scorer.score(LOANS.iloc[0].to_dict() | change)


def test_a_missing_column_is_named(scorer):
    loan = LOANS.iloc[0].drop(["housing", "duration"]).to_dict()
    with pytest.raises(SettingError, match="Missing: duration, housing"):
        scorer.score(loan)
    with pytest.raises(SettingError, match="loan = None cannot.*dictionary"):
        scorer.score(None)
    with pytest.raises(SettingError, match="model = 'forest'.*logistic"):
        credit.fit("forest", LOANS[:600], LOANS[600:800])


def test_runs_have_what_the_rule_reads():
    found = experiment.runs(0, steps=20, deals=1, folds=3)
    assert [run["model"] for run in found[:3]] == list(credit.MODELS) and found[3]["part"] == "outcome"
    assert all(run["without"] == 0.7 and 0 < run["cost"] < 1.5 and 0.5 < run["auc"] < 1 for run in found[:3])
    assert found[3]["simple"] in (found[0]["cost"], found[1]["cost"]) and found[3]["deep"] == found[2]["cost"]


def test_the_simple_model_is_chosen_on_validation():
    good, poor, bad = np.array([0.9, 0.9, 0.1, 0.1]), np.array([0.1, 0.9, 0.9, 0.1]), BAD.astype(int)
    for validation, best in (((good, poor), "logistic"), ((poor, good), "boosting")):
        models = dict(zip(credit.MODELS, validation, strict=False))
        opposite = dict(zip(credit.MODELS, validation[::-1], strict=False))
        rows = np.arange(4)
        assert credit.Trial(bad, [(rows, rows, rows)], models, opposite).simple() == best


def record(credit, fraud):
    """Costs of each model, in three seeds that differ by a little."""
    runs = [{"part": part, "seed": seed, "model": model, "cost": cost + 0.001 * seed, "auc": 0.7,
             "average_precision": 0.7}
            for part, costs in (("credit", credit), ("fraud", fraud)) for model, cost in costs.items()
            for seed in range(3)]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


@pytest.mark.parametrize("credit, fraud, verdict", [
    ((0.6, 0.6, 0.5), (9, 8, 7, 20), HOLDS), ((0.6, 0.6, 0.5), (9, 8, 10, 7), HOLDS),       # by the autoencoder
    ((0.6, 0.6, 0.6), (9, 7, 8, 20), IN_PART), ((0.6, 0.5, 0.55), (9, 8, 9, 20), IN_PART),
    ((0.6, 0.5, 0.5), (9, 8, 7, 20), IN_PART),                                               # no better than trees
    ((0.6, 0.7, 0.6), (9, 10, 9, 20), NOT), ((0.5, 0.6, 0.55), (7, 9, 8, 20), NOT)])
def test_the_rule_can_give_each_verdict(credit, fraud, verdict):
    models = ("logistic", "boosting", "network", "autoencoder")
    found = record(dict(zip(models, credit, strict=False)), dict(zip(models, fraud, strict=True)))
    assert decide("C6.4", found).verdict == verdict


def test_a_saving_within_its_interval_decides_nothing():
    found = record({"logistic": 0.6, "boosting": 0.6, "network": 0.58},
                   {"logistic": 9, "boosting": 9, "network": 9, "autoencoder": 9})
    for run in found["runs"]:
        if (run["part"], run["model"], run["seed"]) == ("credit", "network", 2):
            run["cost"] += 0.05
    assert decide("C6.4", found).verdict == NOT
    found["runs"] = [run for run in found["runs"] if run["model"] != "autoencoder"]
    assert decide("C6.4", found).verdict == UNDECIDED
