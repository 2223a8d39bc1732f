"""The generated card stream, what a model sees of it, its costs, and the inference function."""
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from labkit.applications import fraud
from labkit.experiments.ch06 import fraud as experiment
from labkit.models import MLP
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def cards():
    return fraud.Cards(fraud.stream(20_000, 3))


@pytest.fixture(scope="module")
def flag(cards):
    torch.manual_seed(0)
    return fraud.Flag(cards, MLP(15, 8, 2), 0.5)


def test_the_stream_is_what_its_docstring_says(cards):
    frame = pd.concat([cards.train, cards.validation, cards.test])
    assert frame["fraud"].sum() == 0.005 * len(frame) and frame["day"].is_monotonic_increasing
    assert not frame.isna().any(axis=None) and frame["amount"].min() >= 0.5 and frame["hour"].between(0, 24).all()
    schemes = frame[frame["fraud"]].groupby("scheme")
    middle = schemes[["amount", "distance", "recent", "new_device"]].mean()
    assert set(middle.index) == set(fraud.SCHEMES)
    assert middle["distance"]["stolen card"] > 100 and middle["amount"]["card testing"] < 5
    assert middle["recent"]["card testing"] > 1 and middle["new_device"]["takeover"] == 1
    stolen = frame["scheme"].isin(fraud.SCHEMES[:2])[frame["fraud"]].to_numpy()
    assert stolen[:50].mean() > stolen[-50:].mean() + 0.1      # drift
    pd.testing.assert_frame_equal(fraud.stream(3000, 1), fraud.stream(3000, 1))
    assert not fraud.stream(3000, 1).equals(fraud.stream(3000, 2))


def test_a_transaction_knows_its_customers_past_alone(cards):
    frame = cards.train
    for customer in frame["customer"].value_counts().index[:5]:
        own = frame[frame["customer"] == customer]
        expected = [50.0, *own["amount"].expanding().mean()[:-1]]
        np.testing.assert_allclose(own["usual"], expected)
        time = own["day"].to_numpy() + own["hour"].to_numpy() / 24
        assert own["recent"].tolist() == [int(((time[:k] > now - 1 / 24)).sum()) for k, now in enumerate(time)]


def test_time_order_is_kept_and_the_scaler_knows_the_past_alone(cards):
    assert cards.train["day"].max() <= cards.validation["day"].min() <= cards.test["day"].min()
    assert cards.inputs(cards.train).mean(0).abs().max() < 1e-3
    assert cards.dataset(labels=False).test.targets.equal(cards.inputs(cards.test))


def test_curve_and_cost_agree_with_counting():
    frame = pd.DataFrame({"amount": [10.0, 100, 30, 50], "fraud": [False, True, False, True]})
    found = fraud.curve([0.9, 0.8, 0.8, 0.1], frame)
    assert found["threshold"].tolist() == [np.inf, 0.9, 0.8, 0.1]      # ties fall together
    assert found["recall"].tolist() == [0, 0, 0.5, 1]
    assert found["precision"][1:].tolist() == pytest.approx([0, 1 / 3, 0.5])
    assert found["money"].tolist() == [1000 * money / 4 for money in (190, 195, 85, 20)]
    for threshold, money in zip(found["threshold"], found["money"], strict=True):
        assert fraud.cost(np.array([0.9, 0.8, 0.8, 0.1]) >= threshold, frame) == money
    assert fraud.cheapest([0.9, 0.8, 0.8, 0.1], frame) == 0.1
    with pytest.raises(SettingError, match="scores"):
        fraud.curve([0.5, np.nan, 0, 0], frame)


def test_easy_schemes_are_found_and_the_hard_one_is_not(cards):
    model = LogisticRegression(max_iter=2000).fit(cards.inputs(cards.train), cards.train["fraud"])
    late = pd.concat([cards.validation, cards.test])
    score = fraud.suspicion(model, cards.inputs(late))
    share = fraud.caught(score >= np.quantile(score, 0.95), late)
    assert min(share["stolen card"], share["card testing"]) > 0.6 > 0.5 > share["mimicry"]


def test_compare_has_a_row_for_each_model_and_the_two_that_need_none(cards, flag):
    inputs = cards.inputs(cards.test)
    found = fraud.compare({"network": flag.network, "autoencoder": MLP(15, 4, 15)}, cards)
    assert list(found.index) == ["nothing", "amount over a limit", "network", "autoencoder"]
    nothing = fraud.cost(np.zeros(len(inputs), bool), cards.test)
    assert found["cost per 1,000, EUR"]["nothing"] == nothing > found["cost per 1,000, EUR"]["amount over a limit"]
    assert fraud.suspicion(torch.nn.Identity(), inputs).max() == 0      # what is given back whole is not strange


def test_flag_answers_one_transaction(cards, flag):
    transaction = cards.test[list(fraud.FIELDS)].iloc[0].to_dict()
    expected = fraud.suspicion(flag.network, cards.inputs(cards.test[:1]))[0]
    answer = flag(transaction)
    assert answer["probability"] == pytest.approx(expected, abs=1e-4)
    assert answer["flag"] == (expected >= 0.5)


GOOD = dict(amount=20.0, hour=12, kind="fuel", distance=3, new_device=False, usual=30, recent=0)


@pytest.mark.parametrize("wrong, message", [
    ({"amount": -5}, "amount = -5"), ({"amount": float("nan")}, "amount = nan"), ({"amount": "20"}, "amount = '20'"),
    ({"usual": 0}, "usual = 0"), ({"hour": 25}, "hour = 25"), ({"recent": -1}, "recent"),
    ({"distance": -1}, "distance"), ({"kind": "casino"}, "casino.*groceries"), ({"kind": ""}, "kind = ''"),
    ({"kind": "x" * 10_000}, r"kind = 'x+\.\.\."),
    ({"new_device": "no"}, "new_device")])
def test_flag_refuses_what_cannot_be(flag, wrong, message):
    with pytest.raises(SettingError, match=message) as refused:
        flag({**GOOD, **wrong})
    assert len(str(refused.value)) < 400


def test_flag_names_what_is_missing(flag):
    with pytest.raises(SettingError, match="Missing: kind, recent"):
        flag({name: value for name, value in GOOD.items() if name not in ("kind", "recent")})
    with pytest.raises(SettingError, match="dictionary"):
        flag([20.0])


def test_the_experiment_has_the_columns_that_the_rule_reads():
    runs = experiment.runs(0, count=8000, steps=20)
    models = [run for run in runs if run["part"] == "fraud"]
    assert [run["model"] for run in models] == ["logistic", "boosting", "network", "autoencoder"]
    assert all(0 <= run["average_precision"] <= 1 and run["cost"] >= 0 for run in models)
    assert runs[-1]["part"] == "outcome" and runs[-1]["deep"] == models[2]["cost"]
    assert runs[-1]["simple"] in (models[0]["cost"], models[1]["cost"])
