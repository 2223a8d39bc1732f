"""Credit scoring on the German credit data: three models, and a threshold that is chosen by what mistakes cost.

The unit of cost is what one good loan earns. A bad loan that is accepted costs RATIO of these, a good one that is
refused costs one: the cost matrix that Hofmann gave with the data. The data say neither which interest was paid nor how
much of a bad loan came back, so a cost in money would rest on numbers of ours.

The columns sex (miscoded) and age are not read: see chapter 8 for what a score does to groups.
"""
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.device import one_blas_thread
from labkit.evaluation import predict
from labkit.language import _
from labkit.models.dense import MLP
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

NUMBERS = ("credit_amount", "duration")                 # Deutsche Mark, months
KINDS = ("job", "housing", "saving_accounts", "checking_account", "purpose")
FIELDS = NUMBERS + KINDS                                # what a loan must say
MODELS = ("logistic", "boosting", "network")
RATIO = 5.0
THRESHOLDS = np.linspace(0, 1, 101)


def cost(refused, bad, ratio: float = RATIO) -> float:
    """Cost per loan: `ratio` for each bad loan that is not refused, 1 for each good one that is.

    `refused` and `bad` are masks (N,).
    """
    refused, bad = np.asarray(refused, dtype=bool), np.asarray(bad, dtype=bool)
    return float((ratio * (bad & ~refused) + (~bad & refused)).mean())


def curve(probability, bad, ratio: float = RATIO) -> np.ndarray:
    """The cost per loan at each of THRESHOLDS, where loans of at least that probability to be bad are refused."""
    bad, refused = np.asarray(bad, dtype=bool), np.asarray(probability) >= THRESHOLDS[:, None]
    return (ratio * (bad & ~refused).sum(axis=1) + (~bad & refused).sum(axis=1)) / len(bad)


def cheapest(probability, bad, ratio: float = RATIO) -> float:
    """The threshold at which these loans cost least; the lowest, if there are several. Choose it on validation."""
    return float(THRESHOLDS[curve(probability, bad, ratio).argmin()])


def deal(bad, seed: int, folds: int = 5) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows of training, validation and test, `folds` times: each loan is in one test part and one validation part.

    All parts have the same share of bad loans.
    """
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    parts = [test for _rest, test in splitter.split(np.zeros(len(bad)), bad)]
    return [(np.concatenate([parts[(place + step) % folds] for step in range(2, folds)]),
             parts[(place + 1) % folds], parts[place]) for place in range(folds)]


@dataclass(frozen=True)
class Scorer:
    """A fitted model with all that it needs to answer: the preparation of a loan, and the threshold."""
    prepare: ColumnTransformer
    model: object                   # an estimator of scikit-learn, or a module
    threshold: float = 0.5
    seconds: float = 0.0            # that the fit took

    def probability(self, loans: pd.DataFrame) -> np.ndarray:
        """The probability of each loan to be bad, (N,). A category that no training row had counts as none."""
        inputs = self.prepare.transform(loans).astype("float32")
        if isinstance(self.model, nn.Module):
            return predict(self.model, torch.from_numpy(inputs)).softmax(1)[:, 1].double().numpy()
        return self.model.predict_proba(inputs)[:, 1]

    def score(self, loan: Mapping) -> dict:
        """The inference function: {"accept": bool, "probability": of being bad} for one loan, a dict with FIELDS.

        Other keys are ignored. Raises `SettingError` for a missing column, an amount or duration that is not above 0,
        and a category that was not seen in training.
        """
        if not isinstance(loan, Mapping):
            raise refuse("loan", loan, _("a dictionary of {names}").format(names=", ".join(FIELDS)))
        missing = [name for name in FIELDS if name not in loan]
        if missing:
            raise refuse("loan", ", ".join(map(str, loan)), ", ".join(FIELDS),
                         _("Missing: {names}.").format(names=", ".join(missing)))
        for name in NUMBERS:
            number = isinstance(loan[name], (int, float, np.number)) and not isinstance(loan[name], bool)
            if not (number and np.isfinite(loan[name]) and loan[name] > 0):
                raise refuse(name, loan[name], _("a finite number above 0"))
        for name, seen in zip(KINDS, self.prepare.named_transformers_["kinds"].categories_, strict=True):
            choose(name, loan[name], seen.tolist())
        probability = float(self.probability(pd.DataFrame([{name: loan[name] for name in FIELDS}]))[0])
        return {"accept": probability < self.threshold, "probability": round(probability, 3)}


def fit(model: str, train: pd.DataFrame, validation: pd.DataFrame, seed: int = 0, steps: int = 400,
        ratio: float = RATIO) -> Scorer:
    """Fit one of MODELS to the loans in `train`; what there is to choose is chosen on `validation`.

    Each model has one such choice, by log loss: the penalty of the logistic regression, the number of trees, the step
    at which the network was best. The threshold is then chosen by cost.
    """
    choose("model", model, MODELS)
    began = time.perf_counter()
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(FunctionTransformer(np.log, feature_names_out="one-to-one"), StandardScaler()),
         list(NUMBERS)),
        ("kinds", OneHotEncoder(handle_unknown="ignore"), list(KINDS))], sparse_threshold=0)
    inputs = [prepare.fit_transform(train).astype("float32"), prepare.transform(validation).astype("float32")]
    bad = [1 - part["risk"].to_numpy() for part in (train, validation)]
    fitted = {"logistic": _logistic, "boosting": _boosting, "network": network}[model](inputs, bad, seed, steps)
    threshold = cheapest(Scorer(prepare, fitted).probability(validation), bad[1], ratio)
    return Scorer(prepare, fitted, threshold, time.perf_counter() - began)


def _logistic(inputs, bad, _seed, _steps):
    with one_blas_thread():
        fitted = [LogisticRegression(C=strength, max_iter=1000).fit(inputs[0], bad[0])
                  for strength in (0.01, 0.03, 0.1, 0.3, 1, 3)]
    return min(fitted, key=lambda model: _log_loss(model.predict_proba(inputs[1]), bad[1]))


def _boosting(inputs, bad, seed, _steps):
    model = GradientBoostingClassifier(n_estimators=100, max_depth=2, subsample=0.5, random_state=seed)
    staged = model.fit(inputs[0], bad[0]).staged_predict_proba(inputs[1])
    best = np.argmin([_log_loss(probability, bad[1]) for probability in staged]) + 1
    return model.set_params(n_estimators=int(best)).fit(inputs[0], bad[0])


def _log_loss(probability: np.ndarray, bad: np.ndarray) -> float:
    """scikit-learn's, without its checks: those take most of the time on 200 rows."""
    return -np.log(np.take_along_axis(probability, bad[:, None], axis=1)).mean()


def network(inputs, bad, seed: int, steps: int) -> nn.Module:
    """Two hidden layers of 32, with the weights of the step that was best on validation."""
    splits = [Split(torch.from_numpy(x), torch.from_numpy(y)) for x, y in zip(inputs, bad, strict=True)]
    data = Dataset("german-credit", splits[0], splits[1], splits[1], ("good", "bad"), "DbCL 1.0", "", "")
    recipe = Recipe(steps=steps, batch_size=32, optimizer="adamw", weight_decay=0.01, validate_every=20, seed=seed)
    run = Run(lambda: MLP(inputs[0].shape[1], 32, 32, 2), data, recipe, "cpu", threads=1)
    for _step in run:
        pass
    run.load_best()
    return run.model


@dataclass(frozen=True)
class Trial:
    """What the models say of each loan when they have not seen it: as part of validation, and of test.

    `validation` and `test` hold the probabilities (N,) of each model, `folds` the rows of each deal.
    """
    bad: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    validation: dict[str, np.ndarray]
    test: dict[str, np.ndarray]

    def refused(self, model: str, ratio: float = RATIO) -> np.ndarray:
        """Which loans the model refuses when tested, each fold at the threshold chosen on its validation part."""
        refused = np.zeros(len(self.bad), dtype=bool)
        for _train, validation, test in self.folds:
            threshold = cheapest(self.validation[model][validation], self.bad[validation], ratio)
            refused[test] = self.test[model][test] >= threshold
        return refused

    def simple(self) -> str:
        """Logistic regression or boosted trees, whichever costs less on validation at the chosen thresholds."""
        return min(("logistic", "boosting"), key=lambda model: sum(
            curve(self.validation[model][rows], self.bad[rows]).min() for _train, rows, _test in self.folds))

    def auc(self, model: str) -> float:
        """The area under the ROC curve, mean over the folds."""
        return float(np.mean([roc_auc_score(self.bad[test], self.test[model][test]) for *_rest, test in self.folds]))


def trial(loans: pd.DataFrame, seed: int = 0, steps: int = 400, folds: int = 5, models=MODELS) -> Trial:
    """Fit each model `folds` times, so that each loan is tested once. The seed deals and starts the models."""
    bad = 1 - loans["risk"].to_numpy()
    dealt = deal(bad, seed, folds)
    validation, test = ({model: np.empty(len(bad)) for model in models} for _part in range(2))
    for rows in dealt:
        parts = [loans.iloc[part] for part in rows]
        for model in models:
            scorer = fit(model, parts[0], parts[1], seed, steps)
            validation[model][rows[1]], test[model][rows[2]] = map(scorer.probability, parts[1:])
    return Trial(bad, dealt, validation, test)
