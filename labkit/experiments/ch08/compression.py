"""Compression: one trained network, its pruned, quantised and distilled versions, and all three together.

A run for each network. Shares, widths and learning rates were chosen on validation images with seed 100.
"""
from labkit.data import load
from labkit.trends import compression


def data() -> list[dict]:
    """The sets that the runs use."""
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, steps: int = 800, rounds: int = 200, first: int | None = None) -> list[dict]:
    """The rows of `compression.measure`, on all test images; `first` uses only so many images of each split."""
    images = compression.images(load("fashion-mnist")).first(first, first, first)
    models = compression.networks(images, steps, seed)
    rows = compression.measure(models, compression.files(models, images), images.test, rounds)
    return [{"part": "compression", "seed": seed, **row} for row in rows]
