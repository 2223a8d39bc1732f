"""Dates to ISO form: the parser of pandas with a rule for Chinese, against a small encoder-decoder with attention.

Each seed generates its own texts and sets aside its own days for the test. Width, rate and steps were settled with a
seed that is not recorded.
"""
from dataclasses import asdict

from labkit.applications import dates, outcome
from labkit.training import Recipe, Run

TRAIN, TEST, STEPS = 20_000, 2000, 600
EXAMPLE = "Wednesday, 3 March 2021"


def data() -> list[dict]:
    """The texts of seed 0."""
    made = dates.dataset(TRAIN, TEST)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, train: int = TRAIN, test: int = TEST, steps: int = STEPS) -> list[dict]:
    """For both: the shares of the texts that are answered exactly, and not at all; and the outcome."""
    made = dates.dataset(train, test, seed)
    run = Run(dates.model, made, Recipe(steps=steps, batch_size=64, learning_rate=8e-3, schedule="one-cycle",
                                        validate_every=steps, seed=seed), "cpu", threads=1)
    for _step in run:
        pass
    texts, truth = zip(*dates.pairs(made, made.test), strict=True)
    answers = {"rule": [dates.by_rule(text) for text in texts], "network": dates.answers(run.model, made.test)}
    rows = [{"part": "dates", "seed": seed, "model": name, "exact_match": dates.exact_match(found, truth),
             "unanswered": found.count(None) / test} for name, found in answers.items()]
    return [*rows, {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
        "dates", "exact match", rows[0]["exact_match"], rows[1]["exact_match"], train, run.history.seconds,
        outcome.latency(lambda: dates.translate(EXAMPLE, run.model, made.tokenizer))))}]
