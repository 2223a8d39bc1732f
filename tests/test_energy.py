import pytest
import torch
from torch import nn

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.claims.ch08 import energy as rule
from labkit.data.dataset import Split
from labkit.experiments.ch08 import energy as experiment
from labkit.settings import SettingError
from labkit.trends import energy


def record(ratio=1.0, joules_per_flop=1e-10, kind="dense"):
    """Epochs of two models in three seeds that differ by a little."""
    runs = [{"part": "energy", "kind": kind, "seed": seed, "parameters": parameters, "examples": 50_000,
             "flops": 6 * parameters * 50_000 * ratio, "measured": False,
             "joules": 6 * parameters * 50_000 * ratio * joules_per_flop * (1 + 0.01 * seed)}
            for parameters in (10_000, 100_000) for seed in range(3)]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


def test_published_models_decide(monkeypatch):
    assert decide("C8.3", record()).verdict == HOLDS
    monkeypatch.setattr(rule, "HOME", 1e5)                                              # T5-11B takes fewer kWh
    assert decide("C8.3", record()).verdict == IN_PART
    monkeypatch.setattr(rule, "HOME", 1e12)                                             # heavy in arithmetic alone
    assert decide("C8.3", record()).verdict == IN_PART
    monkeypatch.setattr(rule, "YEAR", 1e12)
    assert decide("C8.3", record()).verdict == NOT


def test_a_thrifty_machine_counts_and_a_wasteful_one_does_not():
    homes = {joules: {model["model"]: model["homes"] for model in rule.heavy(joules)} for joules in (1e-15, 1e-10, 1)}
    assert homes[1e-15]["GPT-3"] == pytest.approx(3.14e23 * 1e-15 / 3.6e6 / rule.HOME)
    assert homes[1e-10] == homes[1]
    assert decide("C8.3", record(joules_per_flop=1e-16)).verdict == IN_PART             # arithmetic stays heavy


@pytest.mark.parametrize("ratio, decided", [(1.4, True), (0.7, True), (1.6, False), (0.6, False)])
def test_the_formula_must_agree_with_what_was_counted(ratio, decided):
    assert (decide("C8.3", record(ratio)).verdict != UNDECIDED) == decided


def test_without_a_dense_model_nothing_is_decided():
    found = decide("C8.3", record(kind="convolution"))
    assert found.verdict == UNDECIDED and "No epoch" in found.findings[0]


GREEN = [{"part": "green", "seed": seed, "width": width, "steps": 100, "planned": 400, "joules": joules,
          "validation": accuracy, "test": accuracy - 0.01}
         for seed in range(2) for width, joules, accuracy in ((4, 10, 0.80), (8, 20, 0.895), (16, 50, 0.9))]


def package(folder, name, value, largest=999):
    """A counter as the kernel shows it."""
    zone = folder / name
    zone.mkdir()
    (zone / "energy_uj").write_text(f"{value}\n", encoding="ascii")
    (zone / "max_energy_range_uj").write_text(f"{largest}\n", encoding="ascii")
    return zone / "energy_uj"


def test_operations_of_a_dense_layer_by_hand():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    inputs, targets = torch.rand(7, 1, 3, 4), torch.zeros(7, dtype=torch.int64)
    assert energy.step_flops(model, inputs, targets) == 2 * 2 * 7 * 12 * 5      # no gradient for the inputs
    assert all(weight.grad is None for weight in model.parameters())
    assert energy.epoch_flops(model, Split(inputs, targets), 3) == 2 * 2 * 7 * 12 * 5


def test_a_convolution_uses_each_weight_at_each_place():
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 64, 2))
    counted = energy.step_flops(model, torch.rand(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64))
    assert counted == 5 * (2 * 2 * 36 * 64 + 3 * 2 * 4 * 64 * 2)


def test_counters_are_those_of_packages_that_may_be_read(tmp_path):
    package(tmp_path, "intel-rapl:0", 5)
    package(tmp_path, "intel-rapl:0:0", 5)                                      # the cores of package 0
    package(tmp_path, "intel-rapl:1", "secret")
    (tmp_path / "intel-rapl:2").mkdir()
    assert [counter.file.parent.name for counter in energy.counters(tmp_path)] == ["intel-rapl:0"]
    assert energy.counters(tmp_path / "nowhere") == []


def test_joules_of_all_packages_are_measured_and_a_counter_may_wrap(tmp_path):
    files = [package(tmp_path, f"intel-rapl:{place}", 1_000_000, largest=3_999_999) for place in range(2)]
    with energy.Meter(tmp_path) as meter:
        files[0].write_text("3500000", encoding="ascii")
        files[1].write_text("500000", encoding="ascii")                         # once round
    assert meter.reading.joules == 2.5 + 3.5
    assert meter.reading.measured and "RAPL" in meter.reading.how


def test_where_no_counter_is_the_estimate_says_so(tmp_path):
    with energy.Meter(tmp_path, watts=10) as meter:
        sum(range(3_000_000))
    reading = meter.reading
    assert not reading.measured and "estimated" in reading.how and "10 W" in reading.how
    assert reading.joules == pytest.approx(10 * reading.processor_seconds)
    assert reading.processor_seconds > 0
    with pytest.raises(SettingError, match="watts = 0"):
        energy.Meter(tmp_path, watts=0)


def test_grams_by_region():
    assert energy.grams(3.6e6, "Norway") == 30
    assert energy.grams(0.0, "China") == 0
    with pytest.raises(SettingError, match="region = 'Atlantis' cannot.*Norway"):
        energy.grams(1.0, "Atlantis")
    with pytest.raises(SettingError, match="joules = -1"):
        energy.grams(-1, "China")


def test_gpt3_comes_to_what_patterson_published():
    estimate = energy.published()
    assert estimate.kwh / 1000 == pytest.approx(energy.PATTERSON["mwh"], rel=0.005)
    assert estimate.kwh * energy.PATTERSON["grams"] / 1e6 == pytest.approx(energy.PATTERSON["tonnes"], rel=0.005)
    assert estimate.days == pytest.approx(14.8, abs=0.05)                       # as they print it


def test_gpt3_on_this_machine_is_its_operations_at_our_joules():
    found = energy.gpt3(1e-10)
    assert found["this machine"] == pytest.approx(6 * 175e9 * 300e9 * 1e-10 / 3.6e9)
    assert found["H100"] < found["A100"] < found["V100"] < found["this machine"]
    assert found["published, V100"] == 1287
    assert energy.gpt3(1e-10, 0.2)["A100"] == pytest.approx(2 * found["A100"])


def test_choices_are_ranked_by_what_they_save():
    found = energy.choices(GREEN, 662, 56, utilisation=0.5)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found["region (stated)"] == pytest.approx(100 * (1 - 56 / 662))
    assert found["early stopping (measured)"] == 75
    assert found["smaller model (measured)"] == 60                              # width 8 is within a point
    assert found["utilisation (stated)"] == pytest.approx(100 * (1 - 24.6 / 125 / 0.5))
    wasteful = [run | {"joules": 99} if run["width"] == 8 else run for run in GREEN]
    assert energy.choices(wasteful)["smaller model (measured)"] == 0            # the widest is the thriftiest as good
    assert energy.choices(GREEN, 30, 713)["region (stated)"] < 0
    with pytest.raises(SettingError, match="green"):
        energy.choices([])


def test_savings_multiply_and_accuracy_is_shown_beside_them():
    assert energy.together({"a": 50, "b": 90}) == pytest.approx(95)
    whole = [{"part": "all-epochs", "seed": seed, "width": 16, "test": 0.9 + 0.02 * seed} for seed in range(2)]
    assert energy.kept(GREEN + whole) == [["all epochs", "16", pytest.approx(91)],
                                          ["early stopping", "16", pytest.approx(89)],
                                          ["smaller model", "8", pytest.approx(88.5)]]


def test_counted_operations_stand_beside_the_formula():
    split = Split(torch.rand(100, 784), torch.zeros(100, dtype=torch.int64))
    table = energy.against_formula({"dense": (nn.Sequential(nn.Linear(784, 10)), split)}, batch_size=10)
    assert table.loc["dense", "parameters"] == 7850 and table.loc["dense", "ratio"] == 0.67


def test_runs_have_what_the_rule_and_the_page_read():
    found = experiment.runs(0, widths=(32,), characters=1280, units=(8, 16), epochs=1, images=640)
    assert [run["part"] for run in found] == ["energy", "green", "green", "all-epochs"]
    assert 0.6 < found[0]["flops"] / (6 * found[0]["parameters"] * found[0]["examples"]) < 1
    assert all(run["joules"] > 0 for run in found)
    assert found[1]["steps"] == found[1]["planned"] == 10
    assert found[1]["parameters"] == 785 * 8 + 90 and 0 < found[1]["validation"] < 1
    assert found[2]["test"] == found[3]["test"]                                 # one epoch is too short to stop early
    assert decide("C8.3", {**record(), "runs": [run | {"seed": seed} for run in found for seed in range(3)]}
                  ).verdict != UNDECIDED
