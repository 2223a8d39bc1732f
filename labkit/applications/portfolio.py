"""Next week's return of six firms, forecast a week at a time, and portfolios of least risk.

Prices are a data frame with a row for each week and a column for each firm. Returns are simple ones, price over price
before, minus 1. A forecast of a week may use the weeks before it and nothing else: `walk_forward` sees to that for
whatever is fitted.

Risk is the standard deviation of the weekly return. Portfolios hold no debt and sell nothing short (weights of 0 to 1
that add up to 1), and are brought back to their weights each week, free of charge (Markowitz 1952).
"""
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from scipy.optimize import nnls
from sklearn.linear_model import LinearRegression

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict, wilson_interval
from labkit.language import _
from labkit.models.dense import MLP
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

LAGS = 4            # weeks that a forecast looks back
FIRST = 52          # weeks of returns before the first forecast: 2018
EVERY = 4           # weeks between two fits
HEAVY = 1e4         # of the conditions on weights, in the least squares that finds them: kept to about 1e-8

Fit = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]


def returns(prices: pd.DataFrame) -> pd.DataFrame:
    """Weekly returns, a row less than there are prices. Raises `SettingError` for a price that is not above 0."""
    wrong = ~(np.isfinite(prices) & (prices > 0))
    if wrong.any(axis=None):
        week, firm = wrong.stack().idxmax()
        raise refuse(f"prices[{firm!r}]", prices.loc[week, firm], _("finite prices above 0"))
    return prices.pct_change().iloc[1:]


def inputs(values: np.ndarray) -> np.ndarray:
    """What a forecast sees, (weeks + 1 - LAGS, firms, LAGS + 1): row i is for week i + LAGS, the last for the next.

    For each firm its last four returns, and the mean return of all firms in the last week.
    """
    if len(values) < LAGS:
        raise refuse("prices", _("{count} weeks").format(count=len(values) + 1),
                     _("at least {count} weeks").format(count=LAGS + 1))
    own = np.lib.stride_tricks.sliding_window_view(values, LAGS, axis=0)
    market = np.broadcast_to(values[LAGS - 1:].mean(1)[:, None, None], (*own.shape[:2], 1))
    return np.concatenate([own, market], axis=2)


def walk_forward(values, fit: Fit, first: int = FIRST, every: int = EVERY) -> np.ndarray:
    """Forecasts of the weeks from `first` on, (weeks - first, firms), each from the weeks before it alone.

    Every `every` weeks `fit(inputs, targets)` learns from all weeks so far, those of all firms together, and returns a
    function of inputs.
    """
    values = np.asarray(values, dtype="float64")
    if not LAGS < first < len(values):
        raise refuse("first", first, _("a week from {low} to {high}").format(low=LAGS + 1, high=len(values) - 1))
    found = []
    for week in range(first, len(values), every):
        forecast = _fitted(values[:week], fit)
        seen = inputs(values[:week + every - 1])[week - LAGS:][:len(values) - week]
        found.append(forecast(seen.reshape(-1, LAGS + 1)).reshape(len(seen), -1))
    return np.concatenate(found)


def _fitted(values: np.ndarray, fit: Fit) -> Callable[[np.ndarray], np.ndarray]:
    return fit(inputs(values)[:-1].reshape(-1, LAGS + 1), values[LAGS:].reshape(-1))


def last_value(inputs, targets):
    """The price stays where it is: a return of 0."""
    return lambda seen: np.zeros(len(seen))


def past_mean(inputs, targets):
    """The mean return of all firms so far."""
    return lambda seen: np.full(len(seen), targets.mean())


def linear(inputs, targets):
    """Linear regression."""
    return LinearRegression().fit(inputs, targets).predict


def network(steps: int = 200, seed: int = 0) -> Fit:
    """A net of 16 hidden units; of `steps` steps it keeps the weights that are best on the last tenth of the past."""
    def fit(inputs, targets):
        scale = float(targets.std())
        inputs, targets = (torch.from_numpy(values / scale).float() for values in (inputs, targets[:, None]))
        kept = len(targets) * 9 // 10
        past, latest = Split(inputs[:kept], targets[:kept]), Split(inputs[kept:], targets[kept:])
        data = Dataset("returns", past, latest, latest, (), "MIT", "", "")
        recipe = Recipe(steps=steps, batch_size=64, learning_rate=3e-3, optimizer="adamw", weight_decay=0.01,
                        validate_every=max(1, steps // 10), seed=seed)
        run = Run(lambda: MLP(LAGS + 1, 16, 1), data, recipe, device="cpu")
        for _step in run:
            pass
        run.load_best()
        return lambda seen: predict(run.model, torch.from_numpy(seen / scale).float())[:, 0].numpy() * scale
    return fit


def fits(steps: int = 200, seed: int = 0) -> dict[str, Fit]:
    """The four ways of forecasting by name; `steps` and `seed` are the network's."""
    return {"last value": last_value, "past mean": past_mean, "linear regression": linear,
            "network": network(steps, seed)}


def looks_ahead(values, fit: Fit, week: int, every: int = EVERY) -> bool:
    """Whether other returns from `week` on would change a forecast made before they were known."""
    values = np.array(values, dtype="float64")
    changed = values.copy()
    changed[week:] = 0.1 - 7 * changed[week:]
    before, after = (walk_forward(one, fit, every=every)[:week + 1 - FIRST] for one in (values, changed))
    return bool((before != after).any())


def error(forecast, actual) -> float:
    """Root mean squared error of weekly returns, in percentage points."""
    return float(100 * np.sqrt(np.mean((np.asarray(forecast) - np.asarray(actual)) ** 2)))


def hit_rate(forecast, actual) -> tuple[float, float, float]:
    """The share of weeks in which the market (the mean of all firms) went where the forecast said, with its interval.

    Returns share, low and high (95 %, Wilson). A forecast of 0 is right in no week.
    """
    right = np.sign(np.mean(forecast, axis=1)) == np.sign(np.mean(actual, axis=1))
    return float(right.mean()), *wilson_interval(int(right.sum()), len(right))


def compare(forecasts: dict, actual) -> pd.DataFrame:
    """A row for each `{name: forecasts}`: error in points, and the market's hit rate with its 95 % interval.

    The forecast of no change names no direction: its hit rate is left empty.
    """
    rows = {name: [error(forecast, actual), *(hit_rate(forecast, actual) if np.any(forecast) else [np.nan] * 3)]
            for name, forecast in forecasts.items()}
    return pd.DataFrame(rows, [_("error, points"), _("hit rate"), _("from"), _("to")]).T


class NextWeek:
    """The inference function: `next_week(prices)` for {firm: its last five or more weekly prices, oldest first}.

    Returns {firm: forecast of next week's return}. It has learned from all weeks of `prices`, and knows those firms;
    `seconds` is what that took.
    """

    def __init__(self, prices: pd.DataFrame, fit: Fit):
        self.firms = list(prices.columns)
        began = time.perf_counter()
        self._forecast = _fitted(returns(prices).to_numpy(), fit)
        self.seconds = time.perf_counter() - began

    def __call__(self, prices: dict) -> dict:
        for firm in prices:
            choose("firm", firm, self.firms)
        missing = [firm for firm in self.firms if firm not in prices]
        if missing:
            raise refuse("prices", ", ".join(prices), ", ".join(self.firms),
                         _("Missing: {names}.").format(names=", ".join(missing)))
        weeks = {firm: len(prices[firm]) for firm in self.firms}
        if len(set(weeks.values())) > 1:
            raise refuse("prices", weeks, _("as many weeks of each firm"))
        values = returns(pd.DataFrame(prices, columns=self.firms)).to_numpy()
        found = self._forecast(inputs(values)[-1])
        return {firm: float(value) for firm, value in zip(self.firms, found, strict=True)}


def frontier(returns: pd.DataFrame, count: int = 21) -> pd.DataFrame:
    """The efficient frontier of these weeks: weights (count, firms), from least risk to the highest mean return.

    The returns that the portfolios must reach are equally spaced between the two ends.
    """
    mean, firms = returns.mean().to_numpy(), returns.shape[1]
    deviations = (returns.to_numpy() - mean) / np.linalg.norm(returns.to_numpy() - mean)

    def least_risk(target=None):
        """Least squares without negative weights: the two conditions are rows heavy enough to be kept."""
        rules = [(np.ones(firms), 1)] if target is None else [(np.ones(firms), 1), ((mean - target) / np.ptp(mean), 0)]
        rows = np.vstack([deviations, *(HEAVY * row for row, _value in rules)])
        weights, _rest = nnls(rows, np.append(np.zeros(len(deviations)), [HEAVY * value for _row, value in rules]))
        return weights / weights.sum()
    lowest = least_risk()
    targets = np.linspace(lowest @ mean, mean.max(), count)
    weights = [lowest, *map(least_risk, targets[1:-1]), np.eye(firms)[mean.argmax()]]
    return pd.DataFrame(weights, columns=returns.columns)


def held(weights, returns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean weekly return and risk, in percentage points, of portfolios (count, firms) over these weeks."""
    weekly = 100 * returns.to_numpy() @ np.asarray(weights, dtype="float64").T
    return weekly.mean(0), weekly.std(0, ddof=1)
