"""Two processes against one: the same losses, and the speed of a large and of a small batch.

The script of the page, each time in processes of its own, with 60 steps. The three set-ups take turns, ROUNDS times,
and the fastest round counts, since what disturbs a measurement makes it longer; the losses of every round are compared.
The rate is one at which training is stable. At five times that rate and a batch of 33, tried once, rounding errors grew
by themselves until the curves were 0.01 apart after 60 steps: there equality to 1e-4 would be too much to ask, of two
processes as of two processors.
"""
from labkit.data import load
from labkit.trends import distributed

BATCHES = {"large": 501, "small": 33}
SETUPS = {"one": {"processes": 1, "threads": 1}, "threads": {"processes": 1, "threads": 2},
          "two": {"processes": 2, "threads": 1}}
ROUNDS, STEPS = 2, 60


def data() -> list[dict]:
    """The set that the runs use."""
    found = load("fashion-mnist")
    return [{"name": found.name, "sha256": found.sha256, "note": found.note}]


def runs(seed: int, steps: int = STEPS, rounds: int = ROUNDS) -> list[dict]:
    """For each batch: how far the losses of two processes and of one are apart, and images a second of each set-up."""
    asked = {"batch_sizes": list(BATCHES.values()), "steps": steps, "seed": seed}
    found = [{name: distributed.start(**setup, **asked) for name, setup in SETUPS.items()} for _round in range(rounds)]
    return [{"part": "distributed", "seed": seed, "batch": batch, "batch_size": size, "steps": steps,
             "difference": max(distributed.difference(one["one"][place], one["two"][place]) for one in found),
             **{name: max(distributed.speed(one[name][place], size) for one in found) for name in SETUPS}}
            for place, (batch, size) in enumerate(BATCHES.items())]
