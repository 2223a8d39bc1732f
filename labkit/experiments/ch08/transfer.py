"""Clothes to digits: accuracy by way and number of labels, from a network pre-trained for 1,000 steps.

The learning rate was chosen on seed 100 and validation digits. No rule reads these runs; the page shows them.
"""
from labkit.data import load
from labkit.evaluation import evaluate
from labkit.trends import transfer

COUNTS = (20, 50, 100, 300, 1000)


def data() -> list[dict]:
    """The sets that the runs use."""
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}
            for found in (load("fashion-mnist"), transfer.digits())]


def runs(seed: int, pretraining: int = 1000, steps: int = 300, counts=COUNTS) -> list[dict]:
    """A run for each way and number of labels; and what the pre-trained network knew of its own domain."""
    first = transfer.pretraining(load("fashion-mnist").first(validation=200), pretraining, seed, threads=1)
    for _step in first:
        pass
    found = transfer.compare(first.model, transfer.digits(seed), counts, steps, seed, threads=1)
    return [{"part": "transfer_first", "seed": seed, "steps": pretraining,
             "accuracy": evaluate(first.model, first.dataset.test).accuracy},
            *({"part": "transfer", "seed": seed, "way": way, "labels": labels, "accuracy": accuracy}
              for way, curve in found.items() for labels, accuracy in zip(counts, curve, strict=True))]
