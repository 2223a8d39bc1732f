import numpy as np
import pytest

from labkit.applications import credit
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import table
from labkit.experiments.ch08 import fairness as experiment
from labkit.settings import SettingError
from labkit.trends import fairness

LOANS = table("german-credit").frame
BAD, GROUP = 1 - LOANS["risk"].to_numpy(), fairness.young(LOANS)


@pytest.fixture(scope="module")
def decisions():
    return fairness.decide(LOANS, folds=2)


def test_weights_make_outcome_and_group_independent():
    weights = fairness.weights(BAD, GROUP)
    shares = [np.average(BAD[inside], weights=weights[inside]) for inside in (GROUP, ~GROUP)]
    assert shares == pytest.approx([BAD.mean()] * 2) and weights.sum() == pytest.approx(len(BAD))
    assert abs(BAD[GROUP].mean() - BAD[~GROUP].mean()) > 0.1


def test_measures_are_those_of_a_table_counted_by_hand():
    bad = np.array([1, 1, 0, 0, 0])
    found = fairness.measures([0.9, 0.2, 0.1, 0.8, 0.5], [False, True, True, False, True], bad)
    assert found == pytest.approx({"approved": 3 / 5, "true positive rate": 2 / 3, "false positive rate": 1 / 2,
                                   "precision": 2 / 3, "calibration": 2 / 5 - 0.5})
    assert np.isnan(fairness.measures([0.9, 0.9], [False, False], [False, True])["precision"])


def test_the_identity_holds_in_every_group_and_policy(decisions):
    for found in decisions.values():
        rows = fairness.identity(found.approved, BAD, GROUP)
        assert [name for name, *_rates in rows] == ["young", "older"]
        assert [counted for _name, counted, _forced in rows] == pytest.approx([forced for *_rest, forced in rows])
    assert fairness.false_positive_rate(0.8, 0.9, 0.5) == pytest.approx(4 / 9 * 0.5)


def test_thresholds_by_group_keep_the_rates_together_and_cost_least():
    draw = np.random.default_rng(0)
    group, bad = draw.random(400) < 0.4, draw.random(400) < 0.4
    probability = np.clip(0.3 + 0.2 * bad + 0.2 * group + draw.normal(0, 0.15, 400), 0, 1)
    pair = fairness.by_group(probability, bad, group)
    rates = [(probability[inside & ~bad] < limit).mean() for inside, limit in zip((group, ~group), pair, strict=True)]
    assert abs(rates[0] - rates[1]) <= fairness.APART and pair[0] > pair[1]
    loose = fairness.by_group(probability, bad, group, apart=1.0)
    for inside, limit in zip((group, ~group), loose, strict=True):
        costs = [credit.cost(probability[inside] >= at, bad[inside]) for at in fairness.GRID]
        assert credit.cost(probability[inside] >= limit, bad[inside]) == pytest.approx(min(costs))


def test_a_policy_without_age_does_not_read_it(decisions):
    older = LOANS.assign(age=LOANS["age"].sample(frac=1, random_state=0).to_numpy())
    for age in (False, True):
        prepare = fairness.inputs(age).fit(LOANS)
        assert np.array_equal(prepare.transform(LOANS), prepare.transform(older)) is not age
    assert np.array_equal(decisions["without age"].probability, decisions["thresholds by group"].probability)
    shuffled = LOANS.assign(sex=LOANS["sex"].sample(frac=1, random_state=0).to_numpy())
    again = fairness.decide(shuffled, ("with age",), folds=2)["with age"]
    assert np.array_equal(again.approved, decisions["with age"].approved)
    with pytest.raises(SettingError, match="scorer = 'oracle'.*boosting"):
        fairness.decide(LOANS, scorer="oracle")


def test_an_interval_holds_its_gap_and_shrinks_with_more_loans(decisions):
    found = fairness.gaps([decisions["without age"]], BAD, GROUP, resamples=500)
    assert ((found["low"] < found["gap"]) & (found["gap"] < found["high"])).all()
    assert (found["young"] - found["older"]).tolist() == found["gap"].tolist()
    one = decisions["without age"]
    doubled = fairness.Decisions(np.tile(one.probability, 4), np.tile(one.threshold, 4))
    narrow = fairness.gaps([doubled], np.tile(BAD, 4), np.tile(GROUP, 4), resamples=500)
    widths = [frame["high"] - frame["low"] for frame in (found, narrow)]
    assert ((widths[1] / widths[0]).between(0.33, 0.67)).all()          # half of it, for four times as many
    assert narrow["gap"].tolist() == pytest.approx(found["gap"].tolist())


def test_the_sex_column_is_shown_with_what_its_codes_hold():
    found = fairness.sex_column(LOANS)
    assert found["loans"].to_dict() == {"female": 310, "male": 690}
    assert "single men" in found.loc["female", "corrected table"]
    moved = fairness.single_men_to_close(LOANS)
    women = LOANS["sex"] == "female"
    bad = BAD[women].sum(), BAD[~women].sum()
    rates = [((bad[0] - men) / (310 - men), (bad[1] + men) / (690 + men)) for men in (moved - 1, moved)]
    assert rates[0][0] > rates[0][1] and rates[1][0] <= rates[1][1]


def test_other_columns_know_something_of_age():
    assert 0.6 < fairness.proxy(LOANS) < 0.9


def test_runs_have_what_the_rule_reads():
    found = experiment.runs(0, deals=1, folds=2, scorers=("logistic",))
    assert found[0]["part"] == "proxy" and [run["policy"] for run in found[1:]] == list(fairness.POLICIES)
    assert all(run["true positive rate, low"] < run["true positive rate, high"] for run in found[1:])
    assert experiment.data()[0]["sha256"] == table("german-credit").sha256


def record(**gaps):
    """Three seeds; `gaps` of true positive rates by scorer and policy, else −0.2, each with 0.09 on both sides."""
    runs = []
    for seed in range(3):
        for scorer in fairness.SCORERS:
            for policy in fairness.POLICIES:
                gap = gaps.get(f"{scorer}_{policy.replace(' ', '_')}", -0.2)
                runs.append({"part": "fairness", "seed": seed, "scorer": scorer, "policy": policy, "cost": 0.6,
                             "true positive rate, gap": gap, "true positive rate, high": gap + 0.09,
                             "approved, gap": -0.2})
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


FAIR = {f"{scorer}_{policy}": -0.04 for scorer in fairness.SCORERS for policy in ("with_age", "without_age")}


@pytest.mark.parametrize("gaps, verdict", [
    ({}, HOLDS), ({"logistic_reweighed": 0.0, "boosting_thresholds_by_group": 0.1}, HOLDS),
    ({"logistic_without_age": -0.08}, IN_PART), ({"boosting_with_age": 0.2}, IN_PART),
    (FAIR | {"boosting_with_age": -0.2}, IN_PART), (FAIR, NOT)])
def test_the_rule_can_give_each_verdict(gaps, verdict):
    assert decide("C8.6", record(**gaps)).verdict == verdict


def test_one_seed_within_its_interval_is_enough_and_a_missing_policy_decides_nothing():
    found = record(**(FAIR | {"boosting_with_age": -0.2}))
    run = next(run for run in found["runs"] if run["seed"] == 1 and run["scorer"] == "boosting")
    run["true positive rate, high"] = 0.01
    assert run["policy"] == "with age" and decide("C8.6", found).verdict == NOT
    found["runs"] = [run for run in found["runs"] if run["policy"] != "reweighed"]
    assert decide("C8.6", found).verdict == UNDECIDED
