"""Answers in short passages: distance-weighted word overlap against a small span reader.

The outcome is taken from questions with names and with wordings that no training example has, since customers do not
ask in anybody's templates; the wordings of training, with unseen names, stand beside it. Width, rate and steps were
settled with a seed that is not recorded.
"""
from dataclasses import asdict

from labkit.applications import outcome, passages

TRAIN, TEST, STEPS = 8000, 2000, 400


def data() -> list[dict]:
    """The passages of seed 0."""
    made = passages.dataset(TRAIN, TEST)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, train: int = TRAIN, test: int = TEST, steps: int = STEPS) -> list[dict]:
    """Exact match of both with the wordings of training and with new ones, and the outcome with new ones."""
    made = passages.dataset(train, test, seed)
    run = passages.training(made, steps, seed, threads=1)
    for _step in run:
        pass
    table = passages.compare(run.model, test, seed)
    rows = [{"part": "passages", "seed": seed, "wordings": wordings, "model": name, "exact_match": score}
            for wordings, scores in table.iterrows() for name, score in scores.items()]
    asked = passages.examples(1, seed, held_out=True, new_wordings=True)[0]
    return [*rows, {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
        "questions about a passage", "exact match", rows[2]["exact_match"], rows[3]["exact_match"], train,
        run.history.seconds, outcome.latency(lambda: passages.answer(asked.passage, asked.question, run.model))))}]
