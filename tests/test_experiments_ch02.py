"""Chapter 2's recorded experiments at a tiny size: what the rules read is there."""
import pytest

from labkit.claims import VERDICTS, decide
from labkit.experiments import ch02


@pytest.fixture(scope="module")
def record():
    sizes, ch02.SIZES = ch02.SIZES, (10_000, 20_000)
    found = ch02.record(seeds=(0,), depths=(1, 2), rates=(1e-2,), steps={"fashion-mnist": 2, "spirals": 2}, rounds=2,
                        trained_steps=2)
    ch02.SIZES = sizes
    return {**found, "date": "2026-01-02", "machine": "a machine", "commit": "abc1234"}


def test_all_experiments_are_there(record):
    kinds = [run["experiment"] for run in record["runs"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"count": 10, "shape": 8, "cost": 4, "latency": 2}
    assert all(data["sha256"] for data in record["data"])


def test_shapes_have_equal_counts(record):
    for run in record["runs"]:
        if run["experiment"] == "shape":
            assert 0.89 * run["budget"] < run["parameters"] <= run["budget"]


def test_training_holds_more_than_inference(record):
    costs = [run for run in record["runs"] if run["experiment"] == "cost"]
    assert all(run["train_bytes"] > 2 * run["inference_bytes"] > 8 * run["parameters"] for run in costs)
    assert all(run[f"{call}_ms"] > 0 for run in costs for call in ("train", "trained", "fresh"))


@pytest.mark.parametrize("claim", ["C2.1", "C2.2", "C2.3"])
def test_the_rules_can_read_it(record, claim):
    judgement = decide(claim, {**record, "seeds": [0]})
    assert judgement.verdict in VERDICTS and len(judgement.findings) > 2
