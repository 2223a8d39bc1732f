"""A dirty table whose truth is known: flats, and the rent that a venture would propose for each.

    market = flats(seed=0)                      # market.dirty as it arrives, market.truth, market.new for production
    table = market.dirty.drop_duplicates()      # ... and so on, each step checked:
    check(table, market.truth, "city")
    scores(market, steps=("repeats", "units"))  # what the table promises, and what production gives

The table is generated. What is wrong with it is what tables of several suppliers have in common: rows sent twice, two
units in one column, five spellings of "not known", a year in the future, a city with four names, and a column that is
only filled in after the answer is known.
"""
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labkit.language import _
from labkit.settings import choose, refuse

SQUARE_FEET = 10.7639       # in a square metre
THIS_YEAR = 2026            # no flat here was built later
CITIES = {"Shanghai": ("Shanghai", "shanghai", " SHANGHAI", "上海"),
          "Chengdu": ("Chengdu", "chengdu ", "CHENGDU", "成都"), "Xi'an": ("Xi'an", "xian", "XI'AN ", "西安")}
PRICES = {"Shanghai": 95, "Chengdu": 45, "Xi'an": 38}       # yuan a month for a square metre of a new flat, made up
UNKNOWN = ("", "n/a", "-", "unknown", "-999")
COLUMNS = ("flat", "city", "area", "built", "deposit", "rent")
MODELS = ("random forest", "linear regression")
STEPS = ("repeats", "cities", "units", "unknown", "impossible", "leak")


@dataclass(frozen=True)
class Market:
    """`dirty` (text as it arrives, rent as a number), `truth` (one row a flat, year NaN where the table cannot tell),
    and `new`: flats of next month, which arrive as dirty, with the deposit not filled in yet."""
    dirty: pd.DataFrame
    truth: pd.DataFrame
    new: pd.DataFrame


def flats(seed: int = 0, count: int = 600, new: int = 400) -> Market:
    """Generate `count` flats, a third of them sent twice, and `new` ones."""
    draw = np.random.default_rng(seed)
    truth = _true(draw, count + new)
    arriving, told = _dirty(draw, truth)
    sent = pd.concat([arriving[:count], arriving[:count].sample(frac=1 / 3, random_state=draw)])
    return Market(sent.sample(frac=1, random_state=draw).reset_index(drop=True),
                  truth.assign(built=truth["built"].where(told))[:count].set_index("flat"),
                  arriving[count:].assign(deposit="").reset_index(drop=True))


def _true(draw: np.random.Generator, count: int) -> pd.DataFrame:
    city = draw.choice(list(PRICES), count)
    area, built = np.exp(draw.normal(4.2, 0.35, count)).round(), draw.integers(1970, THIS_YEAR + 1, count)
    price = np.array([PRICES[name] for name in city]) * (1 - 0.008 * (THIS_YEAR - built))
    rent = (area * price * np.exp(draw.normal(0, 0.12, count))).round(-1)
    return pd.DataFrame({"flat": np.arange(1001, 1001 + count), "city": city, "area": area,
                         "built": built.astype("float64"), "deposit": 3 * rent, "rent": rent})


def _dirty(draw: np.random.Generator, truth: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The table as it arrives, and which of its years can be believed."""
    feet, hidden, typo = (draw.random(len(truth)) < share for share in (0.35, 0.15, 0.03))
    area = [f"{round(a * SQUARE_FEET)} sq ft" if f else f"{a:.0f} m2" for a, f in zip(truth["area"], feet, strict=True)]
    built = truth["built"].where(~typo, truth["built"] + 1000).astype(int).astype(str)
    built = built.where(~hidden, pd.Series(draw.choice(UNKNOWN, len(truth)), truth.index))
    told = pd.Series(~(hidden | typo), truth.index)
    city = [CITIES[name][draw.integers(4)] for name in truth["city"]]
    return truth.assign(city=city, area=area, built=built, deposit=truth["deposit"].astype(int).astype(str)), told


def square_metres(text: str) -> float:
    """`"581 sq ft"` and `"54 m2"` as square metres. Another unit is refused."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(m2|sq ft)\s*", str(text))
    if not match:
        raise refuse("area", text, _("a number with the unit m2 or sq ft"))
    return float(match[1]) / (SQUARE_FEET if match[2] == "sq ft" else 1)


def city_name(text: str) -> str:
    """The one name of a city; one that no training row has is refused."""
    names = {spelling.strip().lower(): name for name, spellings in CITIES.items() for spelling in spellings}
    return names[choose("city", str(text).strip().lower(), names)]


def clean(table: pd.DataFrame, steps=STEPS) -> pd.DataFrame:
    """The table after the given steps of STEPS; a column that is missing is refused."""
    for step in steps:
        choose("step", step, STEPS)
    for name in ("city", "area", "built", *(() if "leak" in steps else ("deposit",))):
        if name not in table.columns:
            raise refuse("columns", list(table.columns), ", ".join(COLUMNS), _("{name} is missing.").format(name=name))
    table = table.drop_duplicates() if "repeats" in steps else table.copy()
    if "cities" in steps:
        table["city"] = table["city"].map(city_name)
    table["area"] = table["area"].map(square_metres if "units" in steps else _number)
    if "unknown" in steps:
        table["built"] = table["built"].where(~table["built"].isin(UNKNOWN))
    table["built"] = table["built"].map(_number, na_action="ignore").astype("float64")
    if "impossible" in steps:
        table["built"] = table["built"].where(table["built"] <= THIS_YEAR)
    if "leak" in steps:
        return table.drop(columns="deposit", errors="ignore")
    return table.assign(deposit=table["deposit"].map(_number))


def _number(text) -> float:
    """The number that a text begins with, or 0: how a spreadsheet reads what it does not understand."""
    match = re.match(r"\s*(-?\d+)", str(text))
    return float(match[1]) if match else 0.0


def check(table: pd.DataFrame, truth: pd.DataFrame, column: str | None = None) -> None:
    """Compare a table with the truth: one row a flat, or a column (numbers to 0.1, NaN where the truth has NaN).

    Raises AssertionError with a row that is wrong.
    """
    if column is None:
        assert len(table) == len(truth), _("{rows} rows for {flats} flats").format(rows=len(table), flats=len(truth))
        return
    true = truth.loc[table["flat"], choose("column", column, truth.columns)]
    same = table[column].eq(true.to_numpy()) if column == "city" else np.isclose(
        pd.to_numeric(table[column], errors="coerce"), true, atol=0.1, rtol=0, equal_nan=True)
    wrong = [row for row, good in zip(zip(table["flat"], table[column], true, strict=True), same, strict=True)
             if not good]
    assert not wrong, _("{column}: {count} rows differ from the truth, such as flat {flat}: {got}, not {true}").format(
        column=column, count=len(wrong), flat=wrong[0][0], got=wrong[0][1], true=wrong[0][2])


def model(kind: str = "random forest", seed: int = 0):
    """A regressor of MODELS behind scikit-learn's preparation: medians for NaN, a column of 0 and 1 for each city."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    choose("model", kind, MODELS)
    prepare = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]),
                                      remainder=SimpleImputer(strategy="median"))
    return make_pipeline(prepare, RandomForestRegressor(15, random_state=seed) if kind == "random forest"
                         else LinearRegression())


def scores(market: Market, steps=STEPS, kind: str = "random forest", seed: int = 0) -> dict[str, float]:
    """`rows` of the table, and mean errors in yuan a month: `promised` by five-fold cross-validation on the table,
    `production` of a model fitted to the whole table, on the new flats."""
    from sklearn.model_selection import KFold, cross_val_predict
    inputs, new = (clean(table, steps).drop(columns=["flat", "rent"]) for table in (market.dirty, market.new))
    rent = market.dirty.loc[inputs.index, "rent"]
    folds = KFold(5, shuffle=True, random_state=seed)
    promised = cross_val_predict(model(kind, seed), inputs, rent, cv=folds)
    later = model(kind, seed).fit(inputs, rent).predict(new)
    return {"rows": len(inputs), "promised": float(np.abs(promised - rent).mean()),
            "production": float(np.abs(later - market.new["rent"]).mean())}
