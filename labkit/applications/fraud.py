"""Card fraud in a generated stream whose truth is known: what makes it, what a model sees of it, what it costs.

No bank publishes its cards' transactions, so `stream` makes them. What is known of it, since it was written down:

customers    Each has a level of spending, favourite kinds of merchant, an hour of the day, and a number of cards' uses.
honest       Amounts around the kind's and the customer's own; 4 % on a trip, far from home; 2 % five times as large;
             2 % twice within minutes; a new device in 2 to 5 %.
fraud        0.5 %, in four schemes. Stolen card: far away, large, goods that sell. Card testing: four tiny payments
             within minutes. Takeover: a new device near home, at the customer's hours, above the usual amount. Mimicry:
             kind, hour, place and device as the customer's own, only the amount half as high again; it is hard, and
             no model can find much of it.
drift        Stolen cards and testing go from 70 % of the fraud to 35 %, the other two grow; honest amounts rise by
             15 %, and more of them are paid online and from new devices.

Money is in EUR: to review a flagged transaction costs REVIEW; a missed fraud costs its amount and FEE.
"""
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.language import _
from labkit.settings import choose, refuse

RATE, REVIEW, FEE, DAYS = 0.005, 5.0, 20.0, 120
KINDS = ("groceries", "restaurant", "fuel", "clothing", "electronics", "travel", "online shop", "gift card")
TYPICAL = np.array([40, 30, 50, 70, 250, 300, 45, 50.0])        # EUR, of each kind
TASTES = np.array([8, 4, 3, 2, 0.7, 0.7, 4, 0.4])               # how common each kind is (Dirichlet)
SCHEMES = ("stolen card", "card testing", "takeover", "mimicry")
FIRST, LAST = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.15, 0.2, 0.4, 0.25])      # shares of the schemes
FIELDS = ("amount", "hour", "kind", "distance", "new_device", "usual", "recent")    # what a transaction must say


def stream(count: int = 60_000, seed: int = 0) -> pd.DataFrame:
    """`count` transactions of 120 days in the order of time.

    Columns: day, customer, the seven FIELDS and the truth: fraud (bool) and scheme (empty where honest). `amount` is
    in EUR, `hour` 0..24, `distance` km from home; `usual` is the mean of the customer's earlier amounts, and `recent`
    the number of the customer's payments in the hour before.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 2000:
        raise refuse("count", count, _("a whole number of at least 2000"))
    draw = np.random.default_rng(seed)
    people = count // 40
    level, middle = draw.normal(0, 0.4, people), draw.normal(14, 2.5, people)
    tastes, activity = draw.dirichlet(TASTES, people).cumsum(1), draw.gamma(2, 1, people)

    def payments(number):
        """Payments as their customers make them."""
        customer = draw.choice(people, number, p=activity / activity.sum())
        kind = (draw.random((number, 1)) > tastes[customer]).sum(1).clip(0, len(KINDS) - 1)
        hour = (middle[customer] + draw.normal(0, 3, number)) % 24
        return pd.DataFrame({"customer": customer, "time": np.sort(draw.integers(DAYS, size=number)) + hour / 24,
                             "kind": kind, "distance": draw.exponential(6, number),
                             "new_device": draw.random(number) < 0.02, "noise": draw.normal(0, 0.5, number),
                             "scheme": ""})
    bad = round(count * RATE)
    frame = pd.concat([_honest(payments(count - bad), draw), _fraud(payments(bad), draw)], ignore_index=True)
    spending = np.where(frame["scheme"] == "stolen card", 0, level[frame["customer"]])
    amount = TYPICAL[frame["kind"]] * np.exp(spending + frame["noise"])
    small = (frame["scheme"] == "card testing").to_numpy()
    amount[small] = draw.uniform(0.5, 5, small.sum())
    frame["amount"] = amount.clip(0.5).round(2)
    return _remember(frame.sort_values("time", kind="stable", ignore_index=True))


def _honest(frame: pd.DataFrame, draw) -> pd.DataFrame:
    number, late = len(frame), frame["time"] / DAYS
    trip = draw.random(number) < 0.04
    frame.loc[trip, "kind"] = draw.choice([1, 2, 5], trip.sum(), p=[0.5, 0.2, 0.3])
    frame.loc[trip, "distance"] = draw.lognormal(np.log(400), 1, trip.sum())
    frame.loc[~trip & (draw.random(number) < 0.15 * late), "kind"] = KINDS.index("online shop")
    frame["new_device"] |= draw.random(number) < 0.03 * late
    frame["noise"] += np.log(5) * (draw.random(number) < 0.02) + np.log1p(0.15 * late)
    again = np.flatnonzero(draw.random(number - 1) < 0.02) + 1      # of the same customer as the row before
    frame.loc[again, "customer"] = frame["customer"].to_numpy()[again - 1]
    frame.loc[again, "time"] = frame["time"].to_numpy()[again - 1] + draw.uniform(0, 10, len(again)) / 1440
    return frame


def _fraud(frame: pd.DataFrame, draw) -> pd.DataFrame:
    number = len(frame)
    shares = FIRST + (LAST - FIRST) * (frame["time"].to_numpy() / DAYS)[:, None]
    frame["scheme"] = np.array(SCHEMES)[(draw.random((number, 1)) > shares.cumsum(1)).sum(1).clip(0, 3)]
    stolen, testing, takeover = (frame["scheme"] == name for name in SCHEMES[:3])
    frame.loc[stolen, "kind"] = draw.choice([2, 3, 4, 7], stolen.sum(), p=[0.15, 0.2, 0.45, 0.2])
    frame.loc[stolen, "distance"] = draw.lognormal(np.log(300), 1, stolen.sum())
    frame.loc[stolen, "time"] = frame["time"] // 1 + draw.random(number)
    frame.loc[testing, "kind"] = draw.choice([6, 7], testing.sum())
    frame.loc[testing, "new_device"] = draw.random(testing.sum()) < 0.5
    places = np.flatnonzero(testing)
    firsts = places[np.arange(len(places)) // 4 * 4]                # four in a row are of one card
    frame.loc[places, "customer"] = frame["customer"].to_numpy()[firsts]
    frame.loc[places, "time"] = frame["time"].to_numpy()[firsts] + draw.uniform(0, 20, len(places)) / 1440
    frame.loc[takeover, "kind"] = draw.choice([4, 6, 7], takeover.sum(), p=[0.3, 0.4, 0.3])
    frame.loc[takeover, "new_device"] = True
    frame["noise"] += frame["scheme"].map(dict(zip(SCHEMES, (0.7, 0, 0.8, 0.4), strict=True)))
    return frame


def _remember(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what the customer's own past says: never what comes later."""
    amounts = frame.groupby("customer")["amount"]
    before = amounts.cumcount()
    frame["usual"] = ((amounts.cumsum() - frame["amount"]) / before.where(before > 0)).fillna(50.0)
    key = frame["customer"].to_numpy() * (2.0 * DAYS) + frame["time"].to_numpy()
    order = np.argsort(key, kind="stable")
    recent = np.empty(len(frame), dtype=int)
    recent[order] = np.arange(len(frame)) - np.searchsorted(key[order], key[order] - 1 / 24)
    frame["recent"] = recent
    frame["hour"], frame["day"] = frame["time"] % 1 * 24, frame["time"].astype(int)
    frame["kind"], frame["fraud"] = np.array(KINDS)[frame["kind"]], frame["scheme"] != ""
    return frame[["day", "customer", *FIELDS, "fraud", "scheme"]]


def features(table: Mapping) -> np.ndarray:
    """What a model sees of transactions: float32 (N, 15). `table` is a frame, or {field: values}."""
    missing = [name for name in FIELDS if name not in table]
    if missing:
        raise refuse("transaction", ", ".join(map(str, table)), ", ".join(FIELDS),
                     _("Missing: {names}.").format(names=", ".join(missing)))
    amount, hour, kind, distance, device, usual, recent = (np.asarray(table[name]) for name in FIELDS)
    turn = 2 * np.pi * hour / 24
    return np.column_stack([np.log(amount), np.log(amount / usual), np.log1p(distance), np.sin(turn), np.cos(turn),
                            device, np.log1p(recent), kind[:, None] == np.array(KINDS)]).astype("float32")


class Cards:
    """A stream cut by time: `train` is the first half, `validation` the next fifth, `test` what comes last.

    `scaler` knows the means and spreads of the training half alone.
    """

    def __init__(self, frame: pd.DataFrame):
        first, second = len(frame) // 2, len(frame) * 7 // 10
        self.train, self.validation, self.test = frame[:first], frame[first:second], frame[second:]
        self.scaler = StandardScaler().fit(features(self.train))

    def inputs(self, table: Mapping) -> torch.Tensor:
        """Scaled features as float32 (N, 15)."""
        return torch.from_numpy(self.scaler.transform(features(table)))

    def dataset(self, labels: bool = True) -> Dataset:
        """Targets are 0 and 1 (fraud); without labels they are the inputs themselves, for an autoencoder."""
        def split(part):
            inputs = self.inputs(part)
            return Split(inputs, torch.from_numpy(part["fraud"].to_numpy().astype("int64")) if labels else inputs)
        return Dataset("card transactions", split(self.train), split(self.validation), split(self.test),
                       ("honest", "fraud"), "MIT", "generated by labkit.applications.fraud", "", "generated")


def suspicion(model, inputs: torch.Tensor) -> np.ndarray:
    """How suspicious each transaction is to a model, (N,).

    Of a classifier, of scikit-learn or of torch, it is the probability of fraud; of an autoencoder the mean squared
    error with which it gives the inputs back.
    """
    if not isinstance(model, nn.Module):
        return model.predict_proba(inputs.numpy())[:, 1]
    outputs = predict(model, inputs, 4096)
    if outputs.shape == inputs.shape:
        return (outputs - inputs).square().mean(1).numpy()
    return outputs.softmax(1)[:, 1].numpy()


def curve(scores, frame: pd.DataFrame) -> pd.DataFrame:
    """What each threshold gives, from none flagged to all: threshold, reviewed, precision, recall and money.

    What scores at least the threshold is flagged. `reviewed` and `money` (EUR) are for 1,000 transactions.
    """
    scores = np.asarray(scores, dtype="float64")
    if scores.shape != (len(frame),) or not np.isfinite(scores).all():
        raise refuse("scores", scores.shape, _("a finite number for each of the {count} transactions").format(
            count=len(frame)))
    order = np.argsort(-scores, kind="stable")
    ordered, fraud = scores[order], frame["fraud"].to_numpy()[order]
    at_stake = np.where(fraud, frame["amount"].to_numpy()[order] + FEE, 0)
    flagged = np.arange(len(frame) + 1)
    caught, saved = np.append(0, fraud.cumsum()), np.append(0, at_stake.cumsum())
    money = flagged * REVIEW + at_stake.sum() - saved
    with np.errstate(invalid="ignore"):
        found = pd.DataFrame({"threshold": np.append(np.inf, ordered), "reviewed": 1000 * flagged / len(frame),
                              "precision": caught / flagged, "recall": caught / max(1, fraud.sum()),
                              "money": 1000 * money / len(frame)})
    return found[np.append(True, np.append(ordered[1:] != ordered[:-1], True))].reset_index(drop=True)


def cheapest(scores, frame: pd.DataFrame) -> float:
    """The threshold at which these transactions cost least: choose it on validation."""
    found = curve(scores, frame)
    return float(found["threshold"][found["money"].idxmin()])


def cost(flagged, frame: pd.DataFrame) -> float:
    """EUR for 1,000 transactions, where those in the mask `flagged` are reviewed."""
    flagged = np.asarray(flagged, dtype=bool)
    missed = frame["fraud"].to_numpy() & ~flagged
    return float(1000 * (flagged.sum() * REVIEW + (frame["amount"].to_numpy()[missed] + FEE).sum()) / len(frame))


def caught(flagged, frame: pd.DataFrame) -> dict[str, float]:
    """The share of each scheme's frauds that is flagged; NaN where there are none."""
    bad = frame["fraud"].to_numpy()
    shares = pd.Series(np.asarray(flagged, dtype=float)[bad]).groupby(frame["scheme"].to_numpy()[bad]).mean()
    return shares.reindex(SCHEMES).to_dict()


def compare(models: dict, cards: Cards) -> pd.DataFrame:
    """A row for each model on the test part, at the threshold that was cheapest on validation.

    Beside the models stand the oldest rule, to review what is above an amount, and to review nothing.
    """
    scores = {_("nothing"): lambda part: np.zeros(len(part)), _("amount over a limit"): lambda part: part["amount"],
              **{name: lambda part, model=model: suspicion(model, cards.inputs(part))
                 for name, model in models.items()}}
    rows = {}
    for name, score in scores.items():
        threshold, found = cheapest(score(cards.validation), cards.validation), score(cards.test)
        flagged, bad = np.asarray(found >= threshold), cards.test["fraud"].to_numpy()
        rows[name] = {_("average precision"): average_precision_score(bad, found),
                      _("reviewed per 1,000"): 1000 * flagged.mean(), _("recall"): flagged[bad].mean(),
                      _("cost per 1,000, EUR"): cost(flagged, cards.test)}
    return pd.DataFrame(rows).T


class Flag:
    """The inference function: `flag(transaction)` for one dictionary of the seven FIELDS.

    `threshold` is by default the cheapest one on validation.
    Returns {"flag": bool, "probability": float}. Raises `SettingError` for what is missing or cannot be.
    """

    def __init__(self, cards: Cards, network: nn.Module, threshold: float | None = None):
        self.cards, self.network, self.threshold = cards, network, threshold
        if threshold is None:
            self.threshold = cheapest(suspicion(network, cards.inputs(cards.validation)), cards.validation)

    def __call__(self, transaction: dict) -> dict:
        if not isinstance(transaction, dict):
            raise refuse("transaction", transaction, _("a dictionary of {names}").format(names=", ".join(FIELDS)))
        for name, value in transaction.items():
            if name in ("amount", "usual", "distance", "hour", "recent"):
                _in_range(name, value)
            elif name == "kind":
                choose("kind", value, KINDS)
            elif name == "new_device" and value not in (True, False):
                raise refuse("new_device", value, "True, False")
        inputs = self.cards.inputs({name: [value] for name, value in transaction.items()})
        found = float(suspicion(self.network, inputs)[0])
        return {"flag": found >= self.threshold, "probability": round(found, 4)}


def _in_range(name: str, value) -> None:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(value)
    if name == "hour" and not (number and 0 <= value <= 24):
        raise refuse(name, value, _("a number from 0 to 24"))
    if name in ("amount", "usual") and not (number and value > 0):
        raise refuse(name, value, _("a finite number above 0, in EUR"))
    if not (number and value >= 0):
        raise refuse(name, value, _("a finite number of at least 0"))
