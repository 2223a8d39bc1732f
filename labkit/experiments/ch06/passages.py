"""Answers in short passages: distance-weighted word overlap against a small span reader.

The outcome is taken from questions with names and with wordings that no training example has, since customers do not
ask in anybody's templates; the wordings of training, with unseen names, stand beside it. Width, rate and steps were
settled with a seed that is not recorded.
"""
from dataclasses import asdict

from labkit.applications import outcome, passages
from labkit.training import Recipe, Run

TRAIN, TEST, STEPS = 8000, 2000, 400


def data() -> list[dict]:
    """The passages of seed 0."""
    made = passages.dataset(TRAIN, TEST)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, train: int = TRAIN, test: int = TEST, steps: int = STEPS) -> list[dict]:
    """Exact match of both with the wordings of training and with new ones, and the outcome with new ones."""
    made = passages.dataset(train, test, seed)
    run = Run(passages.model, made, Recipe(steps=steps, batch_size=32, learning_rate=8e-3, schedule="one-cycle",
                                           validate_every=steps, seed=seed), "cpu", threads=1)
    for _step in run:
        pass
    rows = []
    for wordings in ("of training", "new"):
        asked = passages.examples(test, seed, held_out=True, new_wordings=wordings == "new")
        for name, score in (("overlap", passages.overlap_match(asked)),
                            ("network", passages.exact_match(run.model, passages.rows(asked)))):
            rows.append({"part": "passages", "seed": seed, "wordings": wordings, "model": name, "exact_match": score})
    passage, question = asked[0].passage, asked[0].question
    return [*rows, {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
        "questions about a passage", "exact match", rows[2]["exact_match"], rows[3]["exact_match"], train,
        run.history.seconds, outcome.latency(lambda: passages.answer(passage, question, run.model))))}]
