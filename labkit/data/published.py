"""Large models as their own papers describe them."""
from pathlib import Path

FILE = Path(__file__).with_name("bundled") / "large-models.csv"


def large_models():
    """A data frame of 18 models from 2012 to 2025, one row each, in the order of their dates.

    Columns: model, date (year and month of the first publication), year (the same as a number), kind, parameters,
    active (parameters that work on one token: fewer in a mixture of experts), tokens and flops of the training, and
    source. Every figure is printed in its source; what is not printed there is NaN.
    """
    import pandas
    models = pandas.read_csv(FILE)
    months = pandas.to_datetime(models["date"])
    models.insert(2, "year", months.dt.year + (months.dt.month - 0.5) / 12)
    return models
