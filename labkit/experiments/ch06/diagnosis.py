"""Breast-cancer diagnosis: five folds for each seed, which also deals the cases anew, so that three seeds are 15 pairs.

Both models choose their penalty from three on a fifth of the training part, and standardise inside each fold.
"""
import functools
import time
from dataclasses import asdict

from labkit.applications import diagnosis, outcome
from labkit.data.tables import table

CHOICES = {"logistic": (diagnosis.logistic, (0.1, 1.0, 10.0)), "network": (diagnosis.network, (0.01, 0.1, 1.0))}


def data() -> list[dict]:
    """The bundled cases."""
    found = table("breast-cancer")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, steps: int = 300) -> list[dict]:
    """A run for each fold and model, and the outcome: cost of 100 cases at the threshold that the cost ratio gives."""
    cases = diagnosis.cases()
    fold, found, costs = diagnosis.folds(cases.malignant, seed), [], {}
    threshold = diagnosis.best_threshold(diagnosis.RATIO)
    for name, (fit, penalties) in CHOICES.items():
        fit = functools.partial(fit, steps=steps) if name == "network" else fit
        probability = diagnosis.cross_validate(diagnosis.chosen(fit, penalties), cases, seed)
        costs[name] = diagnosis.cost(probability, cases.malignant, threshold)
        for number in range(diagnosis.FOLDS):
            p, truth = probability[fold == number], cases.malignant[fold == number]
            wrong = diagnosis.count(p, truth)
            found.append({"part": "diagnosis", "seed": seed, "fold": number, "model": name, **wrong,
                          "accuracy": 1 - (wrong["missed"] + wrong["false_alarms"]) / wrong["cases"],
                          "brier": diagnosis.brier(p, truth), "log_loss": diagnosis.log_loss(p, truth),
                          "cost": diagnosis.cost(p, truth, threshold)})
    began = time.perf_counter()
    model = diagnosis.network(cases.inputs, cases.malignant, seed, steps=steps)
    training = time.perf_counter() - began
    diagnose, case = diagnosis.Diagnosis(model, cases), dict(zip(cases.names, cases.inputs[0], strict=True))
    return [*found, {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
        "diagnosis", "cost of 100 cases", costs["logistic"], costs["network"], len(cases.malignant), training,
        outcome.latency(lambda: diagnose(case)), lower_is_better=True))}]
