"""Section 6.4's portfolio, recorded: next week's returns of 2019, walked forward, by four ways of forecasting.

The prices are the same for all seeds: only the network's first weights and the order of its examples differ, so the
spread over seeds says nothing of other years. The settings (52 weeks before the first forecast, a new fit each four
weeks, four weeks to look back, 16 hidden units, 300 steps) were set before any run; nothing is chosen by the result.
The outcome holds the network against the last value.
"""
import pandas as pd

from labkit import data as sets
from labkit.applications import outcome, portfolio

STEPS = 300


def data() -> list[dict]:
    table = sets.table("stocks")
    return [{"name": table.name, "sha256": table.sha256, "note": table.note}]


def prices() -> pd.DataFrame:
    return sets.table("stocks").frame.set_index("date")


def runs(seed: int, steps: int = STEPS, every: int = portfolio.EVERY) -> list[dict]:
    frame = prices()
    weekly = portfolio.returns(frame)
    actual = weekly.to_numpy()[portfolio.FIRST:]
    fits = portfolio.fits(steps, seed)
    found, errors = [], {}
    for name, fit in fits.items():
        forecast = portfolio.walk_forward(weekly, fit, every=every)
        share, low, high = portfolio.hit_rate(forecast, actual)
        errors[name] = portfolio.error(forecast, actual)
        found.append({"part": "portfolio", "seed": seed, "model": name, "error": errors[name], "hit_rate": share,
                      "hit_rate_low": low, "hit_rate_high": high})
    next_week = portfolio.NextWeek(frame, fits["network"])
    last = frame.iloc[-portfolio.LAGS - 1:].to_dict("list")
    result = outcome.Outcome(
        task="portfolio", metric="error of next week's return, points", simple=errors["last value"],
        deep=errors["network"], examples=weekly.size - portfolio.LAGS * weekly.shape[1], training=next_week.seconds,
        latency=outcome.latency(lambda: next_week(last)), lower_is_better=True)
    return [*found, {"part": "outcome", "seed": seed, **vars(result)}]
