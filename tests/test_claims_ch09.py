"""The rule of C9.1 can give each verdict, and the recorded runs have what it reads."""
import pytest
import torch

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.economics import DEVICES
from labkit.economics.machine import speeds
from labkit.experiments import ch09

MODEL = ch09.MODEL


def record(years=10.0, share=20.0, machine_years=100_000.0, alone=False, speed=50.0):
    """Made-up runs: a device of 100 bytes, and a model that takes `share` of them."""
    runs = [{"part": "training", "seed": 0, "model": MODEL, "device": name, "bytes": 100 * share, "device_bytes": held,
             "devices": 9, "years": years * slower} for name, held, slower in (("small", 50, 2), ("big", 100, 1))]
    runs += [{"part": "training", "seed": 0, "model": "another", "device": "big", "bytes": 1, "device_bytes": 100,
              "devices": 1, "years": 0.01}]
    runs += [{"part": "answering", "seed": 0, "model": MODEL, "device": "big", "precision": precision, "bytes": 1,
              "devices": 1 if alone and precision == "int4" else 3, "tokens_per_second": speed}
             for precision in ("bfloat16", "int4")]
    runs += [{"part": "machine", "seed": seed, "training": 1e9, "years": machine_years + seed} for seed in range(3)]
    runs += [{"part": "printed", "seed": 0, "model": MODEL, "quantity": "FLOPs", "printed": 2.0, "calculated": 3.0}]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS), ({"alone": True}, IN_PART),
    ({"alone": True, "speed": 4.9}, HOLDS),             # it fits, and writes too slowly to be read
    ({"share": 4.0}, IN_PART), ({"years": 0.9}, IN_PART), ({"machine_years": 16_000}, IN_PART),
    ({"share": 4.0, "alone": True}, NOT), ({"machine_years": 16_384, "alone": True}, NOT)])
def test_the_rule_can_give_each_verdict(changes, verdict):
    assert decide("C9.1", record(**changes)).verdict == verdict


@pytest.mark.parametrize("part", ["training", "answering", "machine"])
def test_what_was_not_recorded_is_not_decided(part):
    found = record()
    found["runs"] = [run for run in found["runs"] if run["part"] != part]
    assert decide("C9.1", found).verdict == UNDECIDED


def test_two_seeds_decide_nothing():
    assert decide("C9.1", record() | {"seeds": [0, 1]}).verdict == UNDECIDED


def test_the_largest_and_the_fastest_device_are_told_apart():
    findings = decide("C9.1", record()).findings
    assert "(big): 9" in findings[0] and findings[1].startswith("One big at its full peak would train for 10.0")
    assert "1.50" in findings[-1]


@pytest.fixture(scope="module")
def found():
    return ch09.record(seeds=(0, 1, 2), rounds=1)


def test_runs_have_what_the_rule_reads(found):
    judgement = decide("C9.1", found | {"date": "", "machine": "", "commit": ""})
    assert judgement.verdict != UNDECIDED and len(judgement.findings) == 6
    assert all({"part", "seed"} <= run.keys() for run in found["runs"])
    assert {run["device"] for run in found["runs"] if run["part"] == "training"} == set(DEVICES)
    assert [run["seed"] for run in found["runs"] if run["part"] == "machine"] == [0, 1, 2]


def test_calculated_figures_are_near_the_printed_ones(found):
    ratios = {(run["model"], run["quantity"]): run["calculated"] / run["printed"]
              for run in found["runs"] if run["part"] == "printed"}
    assert set(ratios) == {(MODEL, "FLOPs"), ("Llama 2 13B", "hours"), ("Llama 2 70B", "hours")}
    assert all(abs(ratio - 1) < 0.06 for ratio in ratios.values())


def test_the_calculation_is_the_same_for_every_seed(found):
    assert ch09.training() == [{k: v for k, v in run.items() if k != "seed"} for run in found["runs"]
                               if run["part"] == "training"]
    assert ch09.data() == found["data"]


def test_speeds_are_positive_and_leave_torchs_generator_alone():
    before = torch.get_rng_state()
    measured = speeds(3, rounds=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert measured["threads"] == torch.get_num_threads()
    assert all(1e8 < measured[name] < 1e14 for name in ("product", "training", "reading"))
