"""The second half of the fifth step: the test part, beside models that are not deep."""
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from labkit.checklist.fitting import Tuned
from labkit.checklist.processing import Processed
from labkit.checklist.report import Reported, table
from labkit.device import one_blas_thread
from labkit.evaluation import as_float, confusion, predict, wilson_interval
from labkit.language import _

STRENGTHS = (0.01, 0.1, 1.0)        # inverse penalties of the logistic regression, chosen on validation
LEVEL = 0.05                        # below it a difference of two models on the same test is told from chance
SHOWN = 10                          # classes of a confusion matrix that fits into a line
MODELS = ("most frequent class", "logistic regression", "network")


@dataclass(frozen=True, repr=False)
class Judged(Reported):
    """What three models answer on the test part: `answers` are class numbers (N,) of each of MODELS.

    `only` is how many examples the network alone got right and how many logistic regression alone, `p` the chance that
    equally good models differ as much there (sign test, McNemar 1947).
    """
    answers: dict[str, np.ndarray]
    targets: np.ndarray
    class_names: tuple[str, ...]
    only: tuple[int, int]
    p: float

    def accuracy(self, model: str) -> float:
        return float((self.answers[model] == self.targets).mean())

    @property
    def verdict(self) -> str:
        """Which of logistic regression and network is better on the test part, or that none can be told to be."""
        if self.p >= LEVEL:
            return "no difference that can be told"
        return "network" if self.only[0] > self.only[1] else "logistic regression"

    @property
    def confusion(self) -> np.ndarray:
        """Of the network: counts (classes, classes), row the actual class, column the answer."""
        return confusion(self.answers["network"], self.targets, len(self.class_names))

    def __repr__(self) -> str:
        names = self.class_names
        if len(names) > SHOWN:
            return super().__repr__()
        head = [_("network: actual ↓ answered →"), *names]
        return super().__repr__() + "\n\n" + table([head, *([name, *row] for name, row in
                                                           zip(names, self.confusion, strict=True))])

    def rows(self):
        yield _("on the test part"), _("accuracy"), _("95 % interval")
        for model in MODELS:
            right = int((self.answers[model] == self.targets).sum())
            low, high = wilson_interval(right, len(self.targets))
            yield _(model), f"{self.accuracy(model):.1%}", f"{low:.1%} – {high:.1%}"
        yield _("right alone: network, logistic regression"), f"{self.only[0]}, {self.only[1]}", f"p = {self.p:.2g}"
        yield _("verdict"), _(self.verdict), _("{count:,} examples").format(count=len(self.targets))


def judge(processed: Processed, tuned: Tuned) -> Judged:
    """Ask the chosen network, logistic regression and the most frequent class for the test part. Do so once."""
    parts = processed.dataset
    flat = {name: as_float(getattr(parts, name).inputs).flatten(1).numpy() for name in ("train", "validation", "test")}
    targets = {name: getattr(parts, name).targets.numpy() for name in flat}
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", ConvergenceWarning)     # on pixels; what counts is which validates best
        fitted = [LogisticRegression(C=strength, max_iter=100).fit(flat["train"], targets["train"])
                  for strength in STRENGTHS]
    logistic = max(fitted, key=lambda model: _likelihood(model, flat["validation"], targets["validation"]))
    answers = {"most frequent class": np.full(len(targets["test"]), np.bincount(targets["train"]).argmax()),
               "logistic regression": logistic.predict(flat["test"]),
               "network": predict(tuned.best.run.model, parts.test.inputs).argmax(1).numpy()}
    return compared(answers, targets["test"], parts.class_names)


def compared(answers: dict[str, np.ndarray], targets: np.ndarray, class_names: tuple[str, ...]) -> Judged:
    """Count where network and logistic regression differ, and how likely equally good models are to differ so."""
    deep, plain = answers["network"] == targets, answers["logistic regression"] == targets
    only = int((deep & ~plain).sum()), int((plain & ~deep).sum())
    p = float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
    return Judged(answers, targets, class_names, only, p)


def _likelihood(model: LogisticRegression, inputs: np.ndarray, targets: np.ndarray) -> float:
    chances = np.take_along_axis(model.predict_proba(inputs), targets[:, None], axis=1)
    return float(np.log(chances.clip(1e-12)).mean())
