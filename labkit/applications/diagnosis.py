"""Malignant or benign, from 30 measurements of cell nuclei: the Wisconsin breast-cancer data (Street et al. 1993).

A fitted model is a function of inputs (N, 30) that returns the probability of "malignant" for each (N,). Nothing here
is medical advice.
"""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from labkit.data.dataset import Dataset, Split
from labkit.data.tables import table
from labkit.device import one_blas_thread
from labkit.evaluation import predict, wilson_interval
from labkit.language import _
from labkit.models.dense import MLP
from labkit.settings import refuse

FOLDS = 5
RATIO = 10.0        # false alarms that cost as much as one missed case: an assumption, for the learner to move

Model = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray, int], Model]        # inputs (N, 30), malignant (N,) and a seed


@dataclass(frozen=True)
class Cases:
    """Inputs (569, 30), whether each case is malignant, int64 (569,), and the names of the measurements."""
    inputs: np.ndarray
    malignant: np.ndarray
    names: tuple[str, ...]


def cases() -> Cases:
    """The 569 cases of `lk.data.table("breast-cancer")`, whose target 0 means malignant."""
    found = table("breast-cancer")
    inputs = found.frame.drop(columns=found.target)
    return Cases(inputs.to_numpy(), (found.frame[found.target] == 0).to_numpy(np.int64), tuple(inputs.columns))


def logistic(inputs: np.ndarray, malignant: np.ndarray, seed: int = 0, penalty: float = 1.0) -> Model:
    """Logistic regression on standardised inputs; `penalty` is that of the squared weights (1 / C)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    with one_blas_thread():
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / penalty, max_iter=1000)).fit(inputs, malignant)
    return lambda inputs: model.predict_proba(inputs)[:, 1]


def network(inputs: np.ndarray, malignant: np.ndarray, seed: int = 0, penalty: float = 0.1, steps: int = 300) -> Model:
    """Two hidden layers of 32 on standardised inputs; `penalty` is the decoupled weight decay of AdamW."""
    from labkit.training import Recipe, Run
    mean, deviation = inputs.mean(0), inputs.std(0)

    def standard(inputs):
        return torch.from_numpy(((inputs - mean) / deviation).astype(np.float32))
    split = Split(standard(inputs), torch.from_numpy(malignant))
    data = Dataset("diagnosis", split, split, split, ("benign", "malignant"), "", "", "")      # validates nothing
    run = Run(lambda: MLP(inputs.shape[1], 32, 32, 2), data, Recipe(
        steps=steps, validate_every=steps, batch_size=32, learning_rate=3e-3, optimizer="adamw", schedule="one-cycle",
        weight_decay=penalty, seed=seed), "cpu", threads=1)
    for _step in run:
        pass
    return lambda inputs: predict(run.model, standard(inputs)).softmax(1)[:, 1].double().numpy()


def chosen(fit: Fit, penalties: tuple[float, ...]) -> Fit:
    """`fit` with the penalty whose log loss is lowest on a fifth of the cases, then fitted to all of them."""
    from sklearn.model_selection import train_test_split

    def fitted(inputs, malignant, seed=0):
        parts = train_test_split(inputs, malignant, test_size=0.2, random_state=seed, stratify=malignant)
        losses = {penalty: log_loss(fit(parts[0], parts[2], seed, penalty=penalty)(parts[1]), parts[3])
                  for penalty in penalties}
        return fit(inputs, malignant, seed, penalty=min(losses, key=losses.get))
    return fitted


def folds(malignant: np.ndarray, seed: int = 0) -> np.ndarray:
    """The fold of each case, 0 to 4, with the same share of malignant ones in each."""
    from sklearn.model_selection import StratifiedKFold
    found = np.empty(len(malignant), int)
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(malignant[:, None], malignant)
    for fold, (_rest, held_out) in enumerate(parts):
        found[held_out] = fold
    return found


def cross_validate(fit: Fit, cases: Cases, seed: int = 0) -> np.ndarray:
    """The probability of each case by the model that was fitted, standardisation included, to the other folds."""
    fold, probability = folds(cases.malignant, seed), np.empty(len(cases.malignant))
    for held_out in (fold == number for number in range(FOLDS)):
        model = fit(cases.inputs[~held_out], cases.malignant[~held_out], seed)
        probability[held_out] = model(cases.inputs[held_out])
    return probability


def log_loss(probability: np.ndarray, malignant: np.ndarray) -> float:
    """Mean of -ln of what was given to the truth, in nats; probabilities are kept 1e-7 away from 0 and 1."""
    probability = probability.clip(1e-7, 1 - 1e-7)
    return float(-np.where(malignant, np.log(probability), np.log1p(-probability)).mean())


def brier(probability: np.ndarray, malignant: np.ndarray) -> float:
    """Mean squared difference of probability and truth, 0 to 1 (Brier 1950)."""
    return float(np.square(probability - malignant).mean())


def best_threshold(ratio: float) -> float:
    """The probability from which an alarm costs less than silence, if the probabilities are right (Elkan 2001)."""
    return 1 / (1 + ratio)


def count(probability: np.ndarray, malignant: np.ndarray, threshold: float = 0.5) -> dict[str, int]:
    """Cases, malignant ones, missed ones and false alarms when `threshold` and more is called malignant."""
    alarm, ill = probability >= threshold, malignant.astype(bool)
    return {"cases": len(ill), "malignant": int(ill.sum()), "missed": int((ill & ~alarm).sum()),
            "false_alarms": int((alarm & ~ill).sum())}


def comparison(probabilities: dict[str, np.ndarray], malignant: np.ndarray, threshold: float) -> list[list]:
    """Rows of a table: a name, and a value for each model. The accuracy's 95 % interval is Wilson's."""
    rows = [[_("missed")], [_("false alarms")], [_("accuracy, from")], [_("accuracy, to")], [_("Brier score")]]
    for probability in probabilities.values():
        found = count(probability, malignant, threshold)
        right = found["cases"] - found["missed"] - found["false_alarms"]
        values = (found["missed"], found["false_alarms"], *wilson_interval(right, found["cases"]),
                  brier(probability, malignant))
        for row, value in zip(rows, values, strict=True):
            row.append(value)
    return rows


def cost(probability: np.ndarray, malignant: np.ndarray, threshold: float, ratio: float = RATIO) -> float:
    """Cost of 100 cases, in false alarms: a missed case costs `ratio` of them."""
    found = count(probability, malignant, threshold)
    return 100 * (found["false_alarms"] + ratio * found["missed"]) / found["cases"]


def reliability(probability: np.ndarray, malignant: np.ndarray, bins: int = 5) -> list[dict]:
    """For each equal bin of the probability that holds a case: low, high, cases, the mean probability, the share that
    is malignant, and its 95 % interval by Wilson's method."""
    place, rows = np.minimum((probability * bins).astype(int), bins - 1), []
    for number in np.unique(place):
        inside = place == number
        ill, among = int(malignant[inside].sum()), int(inside.sum())
        rows.append({"low": float(number / bins), "high": float((number + 1) / bins), "cases": among,
                     "probability": float(probability[inside].mean()), "malignant": ill / among,
                     "interval": wilson_interval(ill, among)})
    return rows


class Diagnosis:
    """The product: `diagnose({"mean radius": 14.1, ...})` returns the probability of "malignant" and whether that is
    an alarm at `threshold`.

    Raises `SettingError` for a measurement that is missing, unknown, no number, below 0, or more than twice as large
    as the largest among the cases that `model` was fitted to.
    """

    def __init__(self, model: Model, cases: Cases, threshold: float = best_threshold(RATIO)):
        self.model, self.names, self.threshold = model, cases.names, threshold
        self.most = dict(zip(cases.names, 2 * cases.inputs.max(0), strict=True))

    def __call__(self, case: dict[str, float]) -> dict:
        if not isinstance(case, dict):
            raise refuse("case", case, _("a dict of {count} measurements").format(count=len(self.names)))
        missing = [name for name in self.names if name not in case]
        if missing:
            raise refuse("len(case)", len(case), _("all {count} measurements").format(count=len(self.names)),
                         _("Missing: {names}.").format(names=", ".join(missing)) if len(missing) <= 3 else
                         _("Missing: {names} and {more} more.").format(names=", ".join(missing[:3]),
                                                                       more=len(missing) - 3))
        for name, value in case.items():
            if name not in self.most:
                raise refuse("case", name, ", ".join(self.names))
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not 0 <= value <= self.most[name]:
                raise refuse(f"case[{name!r}]", value, _("a number from 0 to {most:.4g}").format(most=self.most[name]),
                             _("Is the unit right?"))
        probability = float(self.model(np.array([[case[name] for name in self.names]], float))[0])
        return {"malignant": probability, "alarm": probability >= self.threshold}
