"""Membership attacks on plain and on private training, 500 members of 1,000 people, twelve models of each kind a seed.

Noise, steps and learning rate were tried on seed 100 and its validation pictures, which are not recorded. That trying
costs privacy too, and epsilon does not count it. `privacy_size` asks what ten times as many members change.
"""
from labkit.applications.pictures import smaller
from labkit.data import load
from labkit.data.dataset import Split
from labkit.evaluation import evaluate
from labkit.trends import privacy

STOPS, NOISES, STEPS = [10, 20, 30, 40, 60, 100, 300], (1.0, 2.0, 4.0, 8.0, 16.0), 60
MODELS, MEMBERS, MANY = 12, 500, 5000


def data() -> list[dict]:
    """The set that the runs use."""
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, stops=STOPS, noises=NOISES, steps: int = STEPS, models: int = MODELS, count: int = MEMBERS,
         many: int = MANY) -> list[dict]:
    """Accuracy and the success of both attacks for each stop of plain training and each noise of private training."""
    pictures = smaller(load("fashion-mnist"))
    tests = {"accuracy": pictures.test, "validation": pictures.validation}
    crowd = privacy.people(load("fashion-mnist"), seed, 2 * count)
    chosen = privacy.members(len(crowd), models, seed)
    groups = [privacy.only(crowd, inside) for inside in chosen]
    volunteers = [privacy.plain(group.first(count // 10), [stops[-1]], seed, index)[stops[-1]]
                  for index, group in enumerate(groups)]
    asked = {"part": "privacy_volunteers", "seed": seed, "count": count // 10, "accuracy": sum(
        evaluate(model, pictures.test).accuracy for model in volunteers) / models}
    return [*privacy.measure(crowd, chosen, tests, stops, noises, steps, seed), asked,
            *(_size(members, seed, steps, pictures.test) for members in (count, many))]


def _size(members: int, seed: int, steps: int, test: Split, noise: float = 4.0) -> dict:
    """One model of each kind on so many members, at the same noise and number of steps."""
    group = privacy.people(load("fashion-mnist"), seed, members)
    delta = privacy.delta_for(members)
    return {"part": "privacy_size", "seed": seed, "members": members, "noise": noise, "delta": delta,
            "epsilon": privacy.epsilon(noise, steps, delta),
            "plain": evaluate(privacy.plain(group, [steps], seed)[steps], test).accuracy,
            "private": evaluate(privacy.private(group, noise, steps, seed), test).accuracy}
