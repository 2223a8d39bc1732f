"""Credit scoring: logistic regression, boosted trees and a small network, cross-validated on four deals a seed.

1,000 loans are few. So a seed deals them four times into five folds, each loan is tested once a deal, and a run holds
the mean of the four. `without` is the cost of the cheaper of two policies that need no model: refuse all, accept all.
The outcome holds the network against logistic regression or boosted trees, whichever costs less on validation.
"""
import statistics

import numpy as np

from labkit.applications import credit, outcome
from labkit.data import table

DEALS = 4


def data() -> list[dict]:
    """The sets that the runs use."""
    loans = table("german-credit")
    return [{"name": loans.name, "sha256": loans.sha256, "note": loans.note}]


def runs(seed: int, steps: int = 400, deals: int = DEALS, folds: int = 5) -> list[dict]:
    """A run for each model: cost per loan at the thresholds chosen on validation, and AUC; and the outcome."""
    loans = table("german-credit").frame
    trials = [credit.trial(loans, seed * deals + deal, steps, folds) for deal in range(deals)]
    bad = trials[0].bad
    without = min(credit.cost(np.full(len(bad), refuse_all), bad) for refuse_all in (True, False))
    found = [{"part": "credit", "seed": seed, "model": model, "without": without,
              "cost": statistics.mean(credit.cost(trial.refused(model), trial.bad) for trial in trials),
              "auc": statistics.mean(trial.auc(model) for trial in trials)} for model in credit.MODELS]
    simple = statistics.mean(credit.cost(trial.refused(trial.simple()), trial.bad) for trial in trials)
    train, validation, _test = (loans.iloc[rows] for rows in trials[0].folds[0])
    scorer, loan = credit.fit("network", train, validation, seed, steps), loans.iloc[0].to_dict()
    measured = outcome.Outcome(
        task="credit scoring", metric="cost per loan", simple=simple, deep=found[-1]["cost"],
        examples=len(train) + len(validation), training=scorer.seconds,
        latency=outcome.latency(lambda: scorer.score(loan)), lower_is_better=True)
    return [*found, {"part": "outcome", "seed": seed, **vars(measured)}]
