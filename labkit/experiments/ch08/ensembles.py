"""Five networks fused, by their answers and by their weights, against the best of them and one of their size.

All 10,800 training images, 2,000 steps (12 epochs) for each network. The best member is chosen on validation and
everything is measured on the 2,000 test images. Which member is chosen is a matter of luck, so a seed trains three
ensembles, of which no two share a member, and a run holds the means.
"""
import statistics

from labkit.data import load
from labkit.data.dataset import Dataset
from labkit.trends import ensembles

MEMBERS, STEPS, TRIALS = 5, 2000, 3


def data() -> list[dict]:
    """The set that the runs use."""
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def trial(data: Dataset, seed: int, steps: int) -> dict[str, float]:
    """Test accuracy (0..1) of the members, of what was fused from them, and of one network of five times the size."""
    targets, found = data.test.targets, ensembles.members(data, MEMBERS, seed, steps)
    single = [ensembles.accuracy(logits, targets) for logits in found.test]
    checkpoints = ensembles.along(data, MEMBERS, seed, steps)
    wide = ensembles.train(data, ensembles.APART * seed, steps, ensembles.equal(data, MEMBERS))
    times = ensembles.latency(found.models, data.test.inputs[:64])
    answers = {name: ensembles.accuracy(ensembles.fuse(found.test, how), targets) for name, how in (
        ("ensemble", "probabilities"), ("logits", "logits"), ("votes", "votes"))}
    return {**answers, "mean": statistics.mean(single), "best": single[ensembles.best(found, data)],
            "soup": ensembles.score(ensembles.soup(found.models), data.test),
            "last": ensembles.score(checkpoints[-1], data.test),
            "along": ensembles.score(ensembles.soup(checkpoints), data.test),
            "wide": ensembles.score(wide, data.test), "times_as_long": times[MEMBERS] / times[1]}


def runs(seed: int, steps: int = STEPS, train: int | None = None, trials: int = TRIALS) -> list[dict]:
    """One run: the means over the trials."""
    data = load("fashion-mnist").first(train=train)
    found = [trial(data, trials * seed + place, steps) for place in range(trials)]
    return [{"part": "ensembles", "seed": seed, "members": MEMBERS, "steps": steps,
             **{name: statistics.mean(one[name] for one in found) for name in found[0]}}]
