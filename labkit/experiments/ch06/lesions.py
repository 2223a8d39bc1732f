"""Lesions in generated images: the best threshold against a small U-Net, on new images for each seed."""
import time
from dataclasses import asdict

from labkit.applications import lesions, outcome
from labkit.models.segment import UNet
from labkit.training import Recipe, Run

TRAIN, TEST, STEPS = 1200, 400, 800


def data() -> list[dict]:
    """The images of seed 0."""
    made = lesions.dataset(TRAIN, TEST)
    return [{"name": made.name, "sha256": made.sha256, "note": made.note}]


def runs(seed: int, train: int = TRAIN, test: int = TEST, steps: int = STEPS) -> list[dict]:
    """Scores of both on the test images, and the outcome in Dice over the images with a lesion."""
    made = lesions.dataset(train, test, seed)
    images, truth = lesions.arrays(made.test)
    began = time.perf_counter()
    run = Run(lambda: UNet(8), made, Recipe(steps=steps, batch_size=16, learning_rate=3e-3, schedule="one-cycle",
                                            validate_every=steps, seed=seed), "cpu", threads=1)
    for _step in run:
        pass
    training = time.perf_counter() - began
    masks = {"threshold": lesions.threshold(*lesions.arrays(made.train)), "network": lesions.by_network(run.model)}
    found = {name: lesions.scores(mask(images), truth) for name, mask in masks.items()}
    return [*({"part": "lesions", "seed": seed, "model": name, **scores} for name, scores in found.items()),
            {"part": "outcome", "seed": seed, **asdict(outcome.Outcome(
                "lesions", "Dice", found["threshold"]["dice"], found["network"]["dice"], train, training,
                outcome.latency(lambda: lesions.find(images[0], masks["network"]))))}]
