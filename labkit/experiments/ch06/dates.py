"""Dates to ISO form: the parser of pandas with a rule for Chinese, against a small encoder-decoder with attention.

Each seed generates its own texts and sets aside its own days for the test. Width, rate and steps were settled with a
seed that is not recorded.
"""
from dataclasses import asdict

from labkit.applications import dates, outcome

TRAIN, TEST, STEPS = 20_000, 2000, 600
EXAMPLE = "Wednesday, 3 March 2021"


def data() -> list[dict]:
    """The texts of seed 0."""
    made = dates.dataset(TRAIN, TEST)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, train: int = TRAIN, test: int = TEST, steps: int = STEPS) -> list[dict]:
    """The shares of the texts that are answered exactly and not at all, and the outcome."""
    made = dates.dataset(train, test, seed)
    run = dates.training(made, steps, seed, threads=1)
    for _step in run:
        pass
    table = dates.compare(run.model, made)
    rows = [{"part": "dates", "seed": seed, "model": name, "exact_match": float(row["exact match"]),
             "unanswered": float(row["no answer"])} for name, row in table.iterrows()]
    return [*rows, {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
        "dates", "exact match", rows[0]["exact_match"], rows[1]["exact_match"], train, run.history.seconds,
        outcome.latency(lambda: dates.translate(EXAMPLE, run.model))))}]
