"""What a large model gained: means, intervals, and who pays."""
import dataclasses

import numpy as np
import pytest
from scipy import stats

from labkit.applications.outcome import Outcome, interval, latency, of_record, pays, table

RUN = dict(task="reviews", metric="accuracy", simple=0.80, deep=0.90, examples=200, training=4.0, latency=0.002)


def test_a_gain_is_positive_where_the_deep_model_is_better():
    assert Outcome(**RUN).gain == pytest.approx(0.1)
    assert Outcome(**RUN, lower_is_better=True).gain == pytest.approx(-0.1)


def test_the_interval_is_students():
    values = [0.1, 0.3, 0.2]
    mean, half = interval(values)
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))


@pytest.mark.parametrize("gains, expected", [
    ([0.10, 0.11, 0.12], True), ([0.1, 0.5, 0.02], False), ([-0.10, -0.11, -0.12], False), ([0.0, 0.0, 0.0], False)])
def test_a_model_pays_when_its_gain_is_beyond_the_interval(gains, expected):
    assert pays(gains) is expected


def test_the_table_has_a_row_for_each_task_of_a_record():
    runs = [{"part": "outcome", "seed": seed, **RUN, "task": task, "deep": 0.9 + 0.01 * seed, "lower_is_better": lower}
            for task, lower in (("reviews", False), ("costs", True)) for seed in range(3)]
    outcomes = of_record({"runs": [{"part": "curve", "seed": 0}, *runs]})
    assert list(outcomes) == ["reviews", "costs"]
    assert outcomes["reviews"][1] == dataclasses.replace(Outcome(**RUN), deep=0.91)
    frame = table(outcomes, price_per_hour=3.6)
    assert list(frame["pays"]) == ["yes", "no"]
    assert list(frame["gain"]) == pytest.approx([0.11, -0.11])
    assert list(frame["latency, ms"]) == pytest.approx([2, 2])
    assert list(frame["a million, USD"]) == pytest.approx([2, 2])       # 2,000 s at 0.001 a second


def test_latency_counts_the_calls_after_the_warm_up():
    calls = []
    assert 0 <= latency(lambda: calls.append(1)) < 0.01
    assert len(calls) == 23


def test_single_runs_have_no_interval():
    frame = table({"reviews": [Outcome(**RUN)]}, price_per_hour=2.0)
    assert list(frame["gain"]) == pytest.approx([0.1])
    assert not {"±", "pays"} & set(frame.columns)
