"""What a label is worth: accuracy against the number of labels, with a share of them wrong, with copies, with a class
left out.

The learning rate and the batch were chosen on seed 100 and validation pictures. No rule reads these runs; the page
shows them.
"""
from labkit.data import load
from labkit.trends import datasets

COUNTS, SHARES = (60, 125, 250, 500, 1000, 2000, 4000, 8000), (0.0, 0.2, 0.4)


def data() -> list[dict]:
    """The set that the runs use."""
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, steps: int = 400, counts=COUNTS, shares=SHARES) -> list[dict]:
    """A run for each number of labels and share of wrong ones, and for two other defects."""
    pictures = datasets.pictures(load("fashion-mnist"))
    return datasets.measure(pictures, datasets.grid(counts, shares, counts[1::3]), steps, seed, threads=1)
