"""Forecasts that look at no later week, the efficient frontier, and the inference function."""
import numpy as np
import pandas as pd
import pytest

from labkit.applications import portfolio
from labkit.experiments.ch06 import portfolio as experiment
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def prices():
    return experiment.prices()


@pytest.fixture(scope="module")
def weekly(prices):
    return portfolio.returns(prices)


FITS = portfolio.fits(steps=20)


def peeks(inputs, targets):
    """A fit that remembers what lies beyond its past, in the memory that it was given a view of."""
    whole = targets.base if targets.base is not None else targets
    return lambda seen: np.full(len(seen), whole.mean())


@pytest.mark.parametrize("fit", FITS.values(), ids=list(FITS))
@pytest.mark.parametrize("week", [52, 61, 87])
def test_later_prices_change_no_earlier_forecast(weekly, fit, week):
    changed = weekly.copy()
    changed.iloc[week:] = 7 * changed.iloc[week:].to_numpy()[::-1] + 0.1
    before, after = (portfolio.walk_forward(values, fit, every=9) for values in (weekly, changed))
    kept = week + 1 - portfolio.FIRST      # the forecast of the first changed week is made before that week
    np.testing.assert_array_equal(after[:kept], before[:kept])
    if fit in (FITS["linear regression"], FITS["network"]):
        assert (after[kept:] != before[kept:]).any()
    assert not portfolio.looks_ahead(weekly, fit, week)


def test_a_fit_that_looks_ahead_is_found_out(weekly):
    assert portfolio.looks_ahead(weekly, peeks, 72)


def test_forecasts_learn_from_the_past():
    values = np.random.default_rng(0).normal(0, 0.02, (104, 6))
    for week in range(1, 104):
        values[week] += -0.8 * values[week - 1]
    zero, line = (portfolio.walk_forward(values, fit) for fit in (portfolio.last_value, portfolio.linear))
    assert portfolio.error(line, values[52:]) < 0.8 * portfolio.error(zero, values[52:])


def test_inputs_are_the_weeks_before(weekly):
    values = weekly.to_numpy()
    found = portfolio.inputs(values)
    assert found.shape == (101, 6, 5)
    np.testing.assert_array_equal(found[10, 2, :4], values[10:14, 2])       # for week 14
    np.testing.assert_allclose(found[10, :, 4], values[13].mean())


def test_error_and_hit_rate_by_hand():
    actual = np.array([[0.01, 0.03], [-0.02, 0.0], [0.05, -0.01]])
    assert portfolio.error(np.zeros((3, 2)), actual) == pytest.approx(100 * np.sqrt((actual ** 2).mean()))
    share, low, high = portfolio.hit_rate(np.full((3, 2), 0.01), actual)
    assert share == pytest.approx(2 / 3) and low < share < high
    assert portfolio.hit_rate(np.zeros((3, 2)), actual)[0] == 0
    found = portfolio.compare({"up": np.full((3, 2), 0.01), "stay": np.zeros((3, 2))}, actual)
    assert found["hit rate"]["up"] == share and np.isnan(found["hit rate"]["stay"])
    assert found["error, points"]["stay"] == portfolio.error(np.zeros((3, 2)), actual)


def test_no_portfolio_beats_the_frontier(weekly):
    found = portfolio.frontier(weekly[:52], 11)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all(axis=None)
    mean, risk = portfolio.held(found, weekly[:52])
    assert (np.diff(mean) > 0).all() and (np.diff(risk) > 0).all()
    means, risks = portfolio.held(np.random.default_rng(0).dirichlet(np.full(6, 0.3), 20_000), weekly[:52])
    for least, reached in zip(risk, mean, strict=True):
        assert risks[means >= reached].min(initial=np.inf) >= least - 1e-5


def test_next_week_gives_a_forecast_for_each_firm(prices, weekly):
    next_week = portfolio.NextWeek(prices[:-1], portfolio.linear)
    given = prices[:-1].tail(6).to_dict("list")
    expected = portfolio.walk_forward(weekly, portfolio.linear, first=103)[0]
    assert list(next_week(given).values()) == pytest.approx(list(expected))


def test_next_week_refuses_what_it_cannot_use(prices):
    next_week = portfolio.NextWeek(prices, portfolio.linear)
    good = prices.tail(5).to_dict("list")
    for wrong, message in (({"IBM": [1.0] * 5}, "IBM.*GOOG"), ({"GOOG": [1.0] * 4 + [-1]}, "GOOG.*above 0"),
                           ({"GOOG": [1.0] * 4}, "as many weeks")):
        with pytest.raises(SettingError, match=message):
            next_week({**good, **wrong})
    with pytest.raises(SettingError, match="Missing: MSFT"):
        next_week({firm: values for firm, values in good.items() if firm != "MSFT"})
    with pytest.raises(SettingError, match="at least 5 weeks"):
        next_week({firm: values[:4] for firm, values in good.items()})
    with pytest.raises(SettingError, match="GOOG"):
        portfolio.returns(pd.DataFrame({"GOOG": [1.0, 0.0]}))


def test_the_experiment_records_an_outcome():
    runs = experiment.runs(0, steps=5, every=26)
    errors = {run["model"]: run["error"] for run in runs if run["part"] == "portfolio"}
    assert runs[-1]["simple"] == errors["last value"] and runs[-1]["deep"] == errors["network"]
    assert runs[-1]["lower_is_better"]
