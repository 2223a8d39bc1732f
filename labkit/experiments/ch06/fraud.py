"""Section 6.4's fraud, recorded: four models on a stream of 120,000 generated transactions, a stream for each seed.

Each model has a small grid; average precision on validation chooses from it. Each has one threshold, chosen on
validation as the cheapest there. The outcome holds the network against logistic regression or boosting, whichever
costs less on validation. The test part, last in time, is looked at once. Sizes and grids were set before any run.
"""
import hashlib
import time

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from labkit.applications import fraud, outcome
from labkit.models.dense import MLP
from labkit.training import Recipe, Run

COUNT = 120_000
STEPS = 2000
INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
TREES = ((0.03, 7), (0.03, 31), (0.1, 7), (0.1, 31))        # learning rate, leaves
RATES = (1e-3, 3e-3)
WIDTHS = (2, 4, 8)                                          # of the autoencoder's middle


def data() -> list[dict]:
    stream = fraud.stream(COUNT, 0)
    text = stream.round(3).to_csv(index=False).encode()
    return [{"name": "card transactions", "sha256": hashlib.sha256(text).hexdigest(),
             "note": "generated with known truth, another stream for each seed; the checksum is of seed 0"}]


def runs(seed: int, count: int = COUNT, steps: int = STEPS) -> list[dict]:
    cards = fraud.Cards(fraud.stream(count, seed))
    nothing = fraud.cost(np.zeros(len(cards.test), bool), cards.test)
    found, fitted = [], {}
    for name, build in (("logistic", logistic), ("boosting", boosting), ("network", network),
                        ("autoencoder", autoencoder)):
        model, seconds = max(build(cards, seed, steps),
                             key=lambda one: average_precision(one[0], cards.validation, cards))
        validation, scores = (fraud.suspicion(model, cards.inputs(part)) for part in (cards.validation, cards.test))
        threshold = fraud.cheapest(validation, cards.validation)
        flagged = scores >= threshold
        fitted[name] = model, threshold, seconds, fraud.cost(validation >= threshold, cards.validation)
        shares = fraud.caught(flagged, cards.test)
        found.append({"part": "fraud", "seed": seed, "model": name,
                      "average_precision": average_precision(model, cards.test, cards),
                      "cost": fraud.cost(flagged, cards.test), "nothing": nothing,
                      **{f"caught, {scheme}": share for scheme, share in shares.items()}})
    costs = {run["model"]: run["cost"] for run in found}
    simple = min(("logistic", "boosting"), key=lambda name: fitted[name][3])
    classifier, threshold, seconds, _cost = fitted["network"]
    flag = fraud.Flag(cards, classifier, threshold)
    transaction = cards.test[list(fraud.FIELDS)].iloc[0].to_dict()
    result = outcome.Outcome(
        task="fraud", metric="cost of 1,000 transactions, EUR", simple=costs[simple], deep=costs["network"],
        examples=len(cards.train), training=seconds, latency=outcome.latency(lambda: flag(transaction)),
        lower_is_better=True)
    return [*found, {"part": "outcome", "seed": seed, **vars(result)}]


def average_precision(model, part, cards: fraud.Cards) -> float:
    return float(average_precision_score(part["fraud"], fraud.suspicion(model, cards.inputs(part))))


# Each returns the models of its grid, each with the seconds of its training.

def logistic(cards: fraud.Cards, seed: int, steps: int) -> list[tuple]:
    return [_classical(LogisticRegression(C=penalty, max_iter=2000), cards) for penalty in INVERSE_PENALTIES]


def boosting(cards: fraud.Cards, seed: int, steps: int) -> list[tuple]:
    return [_classical(HistGradientBoostingClassifier(learning_rate=rate, max_leaf_nodes=leaves, max_iter=100,
                                                      early_stopping=False, random_state=seed), cards)
            for rate, leaves in TREES]


def network(cards: fraud.Cards, seed: int, steps: int) -> list[tuple]:
    return [_trained(lambda: MLP(15, 64, 64, 2), cards.dataset(), rate, seed, steps) for rate in RATES]


def autoencoder(cards: fraud.Cards, seed: int, steps: int) -> list[tuple]:
    return [_trained(lambda width=width: MLP(15, 32, width, 32, 15), cards.dataset(labels=False), 1e-3, seed, steps)
            for width in WIDTHS]


def _classical(model, cards: fraud.Cards) -> tuple:
    began = time.perf_counter()
    model.fit(cards.inputs(cards.train).numpy(), cards.train["fraud"])
    return model, time.perf_counter() - began


def _trained(build, dataset, rate: float, seed: int, steps: int) -> tuple:
    """The weights with the lowest validation loss of one run."""
    recipe = Recipe(steps=steps, batch_size=256, learning_rate=rate, schedule="cosine",
                    validate_every=max(1, steps // 20), seed=seed)
    run = Run(build, dataset, recipe, device="cpu")
    for _step in run:
        pass
    run.load_best()
    return run.model, run.history.seconds
