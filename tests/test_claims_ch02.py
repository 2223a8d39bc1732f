"""Chapter 2's rules on made-up records: each verdict that they can give, at its threshold."""
import pytest

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide

SEEDS = (0, 1, 2)
SMALL = {"Transformer base": ("Transformer", 63e6), "BERT base": ("BERT", 110e6), "BERT large": ("BERT", 335e6),
         "GPT-2": ("GPT", 124e6), "GPT-3": ("GPT", 175e9)}


def record(runs):
    return {"seeds": list(SEEDS), "runs": runs, "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": [{"name": "made up", "note": "", "sha256": "0"}]}


def counts(changes=None, published=None):
    models = {**SMALL, **(changes or {})}
    return [{"experiment": "count", "model": name, "family": family, "counted": count,
             "published": (published or {}).get(name, count)} for name, (family, count) in models.items()]


def shapes(small=(0.80, 0.80), large=(0.90, 0.90), task="clothes", noise=0.01):
    """Two budgets, two depths, two rates: the second rate is worse in validation and must not be looked at."""
    return [{"experiment": "shape", "task": task, "budget": budget, "depth": depth, "rate": rate, "seed": seed,
             "validation_accuracy": 0.5 + 0.1 * good, "test_accuracy": mean + noise * (seed - 1) if good else 0.99}
            for budget, means in ((1000, small), (4000, large)) for depth, mean in zip((1, 8), means, strict=True)
            for rate, good in ((1e-3, True), (1e-2, False)) for seed in SEEDS]


def costs(time=3.0, memory=4.0, faster=(1.0, 1.0, 1.0)):
    return [*({"experiment": "cost", "model": model, "seed": seed, "train_ms": time, "trained_ms": 1.0,
               "fresh_ms": faster[seed], "train_bytes": 100 * memory, "inference_bytes": 100}
              for seed in SEEDS for model in ("one", "two")),
            *({"experiment": "latency", "seed": seed, "parameters": size, "ms": size / 1e6}
              for seed in SEEDS for size in (10_000, 1_000_000))]


@pytest.mark.parametrize("runs, verdict", [
    (counts(), IN_PART),                                                    # only GPT-3 is large
    (counts({"GPT-3": ("GPT", 0.9e9)}), NOT),
    (counts({"Transformer base": ("Transformer", 2e9), "BERT base": ("BERT", 1e9)}), HOLDS),    # half of each family
    (counts({"Transformer base": ("Transformer", 2e9), "BERT base": ("BERT", 0.99e9)}), IN_PART),
    (counts({"GPT-3": ("GPT", 1e12)}), NOT),                                # beyond hundreds of billions
])
def test_how_large(runs, verdict):
    assert decide("C2.1", record(runs)).verdict == verdict


@pytest.mark.parametrize("runs, verdict", [
    (shapes(), NOT),
    (shapes(small=(0.80, 0.829)), NOT),                                     # 2.9 points, under three spreads
    (shapes(small=(0.80, 0.831)), IN_PART),
    (shapes(small=(0.70, 0.80), large=(0.80, 0.90)), IN_PART),              # real, but no larger than size's effect
    (shapes(small=(0.70, 0.80), large=(0.78, 0.88)), HOLDS),                # 10 points against 8
    (shapes(small=(0.70, 0.80), large=(0.78, 0.88)) + shapes(task="arms"), IN_PART),
    (shapes(noise=0.05), NOT),
    (shapes(small=(0.70, 0.80), large=(0.78, 0.88), noise=0.05), NOT),
])
def test_shape_against_size(runs, verdict):
    assert decide("C2.2", record(runs)).verdict == verdict


@pytest.mark.parametrize("runs, verdict", [
    (costs(), IN_PART),                                                     # cheaper, and not for that reason
    (costs(faster=(1.1, 1.2, 1.3)), HOLDS),
    (costs(faster=(1.09, 1.2, 1.3)), UNDECIDED),                            # the seeds disagree
    (costs(time=1.05), NOT),
    (costs(memory=1.05), NOT),
    (costs(time=1.05, faster=(1.2, 1.2, 1.2)), IN_PART),
])
def test_why_inference_is_cheap(runs, verdict):
    assert decide("C2.3", record(runs)).verdict == verdict


def test_findings_show_what_was_measured():
    families = decide("C2.1", record(counts(published={"BERT base": 100e6, "GPT-3": 174e9}))).findings
    assert families[1] == ("BERT: 110.0 to 335.0 million parameters; 0 of 2 configurations have a billion or more.")
    assert families[-1] == "Counted and published differ by more than 1 % in 1 of 5 networks: BERT base (+10.0%)."
    shape = decide("C2.2", record(shapes(small=(0.70, 0.80)))).findings
    assert shape[0] == ("clothes, 1,000 parameters: test accuracy 80.00 ± 1.00 (79.00 – 81.00) % at depth 8, "
                        "70.00 ± 1.00 (69.00 – 71.00) % at depth 1.")
    assert shape[-1] == ("clothes: shape changes accuracy by 10.0, 0.0 points at equal counts, 4 times as many "
                         "parameters by 15.0; three spreads of the seeds are 3.0.")
    cost = decide("C2.3", record(costs())).findings
    assert cost[2].startswith("A training step takes 3.0 ± 0.0 (3.0 – 3.0) times the time of inference and 4.0")
    assert cost[-1].startswith("One example takes 0.010 ± 0.000")
