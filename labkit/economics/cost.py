"""From throughput and a price per hour to hours and money.

The machine is paid by the hour while it works; idle hours, storage and people are not counted.
"""
import math
from dataclasses import dataclass

from labkit.language import _
from labkit.settings import refuse

MILLION = 1_000_000


@dataclass(frozen=True)
class Cost:
    """`hours` of one machine, and `money` in the currency of the price."""
    hours: float
    money: float


def training_cost(images: int, epochs: float, images_per_second: float, price_per_hour: float) -> Cost:
    """The cost of training on `images` for `epochs` at a measured `images_per_second`."""
    return _cost(number("images", images) * number("epochs", epochs), images_per_second, price_per_hour)


def prediction_cost(count: int, images_per_second: float, price_per_hour: float) -> Cost:
    """The cost of `count` predictions, made without a pause at a measured `images_per_second`."""
    return _cost(number("count", count), images_per_second, price_per_hour)


def cost_table(training: Cost, million_predictions: Cost, currency: str = "USD"):
    """A data frame with a row for one training run and one for a million predictions.

    `million_predictions` is `prediction_cost(MILLION, ...)`; `currency` is any text, a label only.
    """
    import pandas
    rows = {_("one training run"): training, _("a million predictions"): million_predictions}
    columns = [_("hours"), _("cost in {currency}").format(currency=currency)]
    return pandas.DataFrame([(cost.hours, cost.money) for cost in rows.values()], list(rows), columns)


def _cost(images: float, images_per_second: float, price_per_hour: float) -> Cost:
    hours = images / number("images_per_second", images_per_second) / 3600
    return Cost(hours, hours * number("price_per_hour", price_per_hour, zero=True))


def number(field: str, value, zero: bool = False) -> float:
    """`value` if it is a finite number above 0, or of at least 0 where `zero` says so; else refuse it."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < 0 or (value == 0 and not zero):
        raise refuse(field, value, _("a number of at least 0") if zero else _("a number above 0"))
    return value
