"""The adversarial paper: clusters in the plane, with the generator in step, ahead, and ahead with the remedy.

Sizes, learning rate and the five steps of the generator were settled on seeds 100 and 101, which are not recorded.
"""
import hashlib

from labkit.data import load
from labkit.papers import gan

STEPS, AHEAD, CLOTHES_STEPS, SAMPLES = 1500, 5, 1500, 4000


def data() -> list[dict]:
    """The sets that the runs use; the clusters are drawn anew at each step, and their hash is that of 1,000 points."""
    import torch
    points = gan.ring(1000, torch.Generator().manual_seed(0)).numpy().tobytes()
    clothes = load("fashion-mnist")
    return [{"name": "ring of clusters", "sha256": hashlib.sha256(points).hexdigest(), "note": "generated"},
            {"name": clothes.name, "sha256": clothes.sha256, "note": clothes.note}]


def runs(seed: int, steps: int = STEPS, clothes_steps: int = CLOTHES_STEPS) -> list[dict]:
    """One run: clusters covered (of 8) and share of samples inside one, for the three set-ups; and the clothes.

    `modes` and `quality` are those of the generator that is `AHEAD`, `_mended` with the feature of the batch,
    `_in_step` with one step each.
    """
    found = {"part": "gan", "seed": seed, "clusters": gan.CLUSTERS}
    for name, ahead, spread in (("_in_step", 1, False), ("", AHEAD, False), ("_mended", AHEAD, True)):
        model = gan.plane(seed, spread)
        for _step in gan.train(model, gan.ring, steps, seed, ahead):
            pass
        modes, quality = gan.score(model.samples(SAMPLES, seed=seed))
        found |= {f"modes{name}": modes, f"quality{name}": quality}
    images, real = gan.small_clothes()
    model = gan.clothes(seed)
    before = gan.told_apart(images[:500], model.samples(500, seed=seed), seed)
    for _step in gan.train(model, real, clothes_steps, seed, learning_rate=5e-4):
        pass
    made = model.samples(500, seed=seed)
    return [found | {"told_apart_before": before, "told_apart": gan.told_apart(images[:500], made, seed),
                     "distance_to_nearest": float(gan.nearest(made, images)[1].mean())}]
