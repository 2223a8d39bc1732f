"""From throughput and price to money, and from a model's size to what it takes."""
import numpy as np
import pytest
import torch

from labkit import economics
from labkit.settings import SettingError


def test_costs_by_hand():
    cost = economics.training_cost(45_000, 10, 1_250, 3.0)      # 360 seconds
    assert cost.hours == pytest.approx(0.1) and cost.money == pytest.approx(0.3)
    cost = economics.prediction_cost(economics.MILLION, 1_000, 3.6)
    assert cost.hours == pytest.approx(1 / 3.6) and cost.money == pytest.approx(1.0)
    assert economics.prediction_cost(10, 1, 0).money == 0


def test_the_table_names_its_rows_and_its_currency():
    table = economics.cost_table(economics.training_cost(3_600, 1, 1, 2), economics.prediction_cost(7_200, 1, 2),
                                 "CNY")
    assert table.index.tolist() == ["one training run", "a million predictions"]
    assert table["hours"].tolist() == [1, 2] and table["cost in CNY"].tolist() == [2, 4]


@pytest.mark.parametrize("field", ["images", "epochs", "images_per_second", "price_per_hour"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "3", None, True])
def test_wrong_values_are_refused_by_name(field, value):
    right = {"images": 100, "epochs": 1, "images_per_second": 10, "price_per_hour": 1}
    with pytest.raises(SettingError, match=field):
        economics.training_cost(**{**right, field: value})


@pytest.mark.parametrize("count, speed", [(0, 1), (1, 0)])
def test_nothing_to_predict_and_no_speed_are_refused(count, speed):
    with pytest.raises(SettingError, match="above 0"):
        economics.prediction_cost(count, speed, 1)


def test_training_takes_the_flops_that_papers_print():
    assert economics.training_flops(175e9, 300e9) == pytest.approx(3.14e23, rel=0.01)       # GPT-3
    assert economics.training_flops(540e9, 780e9) == pytest.approx(2.56e24, rel=0.02)       # PaLM
    assert economics.training_flops(405e9, 15.6e12) == pytest.approx(3.8e25, rel=0.01)      # Llama 3


@pytest.mark.parametrize("optimizer, precision, expected", [
    ("adam", "mixed", 16), ("adam", "float32", 16), ("momentum", "mixed", 12), ("momentum", "float32", 12),
    ("sgd", "mixed", 8), ("sgd", "float32", 8)])
def test_bytes_of_a_parameter_in_training(optimizer, precision, expected):
    parts = economics.training_memory(10, optimizer, precision)
    assert sum(parts.values()) == 10 * expected and parts["weights"] == (20 if precision == "mixed" else 40)


def test_adam_in_float32_holds_what_the_estimate_says():
    layer = torch.nn.Linear(100, 50)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.rand(2, 100)).sum().backward()
    optimizer.step()
    state = [value for held in optimizer.state.values() for name, value in held.items() if name != "step"]
    held = sum(tensor.nbytes for weight in layer.parameters() for tensor in (weight, weight.grad))
    assert held + sum(tensor.nbytes for tensor in state) == sum(
        economics.training_memory(5050, "adam", "float32").values())


def test_inference_takes_the_weights_alone():
    assert [economics.inference_memory(8, precision) for precision in economics.BYTES] == [32, 16, 8, 4]


def test_an_estimate_by_hand_and_the_energy_that_llamas_paper_prints():
    device = economics.Device("", 100, 1, 1, 500, "")
    estimate = economics.training_estimate(3600 * 48 * 50, device, count=2, utilisation=0.5, price_per_hour=3)
    assert (estimate.device_hours, estimate.days, estimate.money) == (48, 1, 144)
    assert estimate.kwh == pytest.approx(48 * 0.5 * 1.1)
    a100 = economics.DEVICES["A100"]
    flops = 1_022_362 * 3600 * a100.flops
    assert economics.training_estimate(flops, a100, 2048, utilisation=1).kwh == pytest.approx(449_000, rel=0.01)


def test_the_best_split_spends_the_budget_and_is_near_the_lowest_expected_loss():
    for flops in (1e21, 3.14e23, 5.76e23):
        parameters, tokens = economics.compute_optimal(flops)
        assert economics.training_flops(parameters, tokens) == pytest.approx(flops) and tokens == 20 * parameters
        sizes = np.geomspace(parameters / 30, parameters * 30, 400)
        losses = [economics.expected_loss(size, flops / 6 / size) for size in sizes]
        assert 0.5 < sizes[int(np.argmin(losses))] / parameters < 2
    assert economics.compute_optimal(5.76e23)[0] == pytest.approx(70e9, rel=0.02)       # Chinchilla


def test_reading_is_the_limit_for_one_text_and_computing_for_many():
    device = economics.Device("", 1000, 1, 10, 1, "")
    speeds = [economics.tokens_per_second(5, device, "bfloat16", batch) for batch in (1, 2, 100, 200, 400)]
    assert speeds == [1, 2, 100, 100, 100]      # a step reads 10 bytes in 1 s; 100 texts are 1000 FLOPs, 1 s too


def test_devices_name_their_data_sheet():
    for name, device in economics.DEVICES.items():
        assert device.name == name and "NVIDIA" in device.source
        assert 1e14 < device.flops < 1e15 < device.flops * 10 and 0 < device.bandwidth < 1e13


@pytest.mark.parametrize("call, message", [
    (lambda: economics.training_memory(1, "lion"), "optimizer = 'lion' cannot be used. Allowed: sgd, momentum, adam"),
    (lambda: economics.training_memory(1, "sgd", "int8"), "precision = 'int8'"),
    (lambda: economics.inference_memory(1, "int3"), "precision = 'int3'"),
    (lambda: economics.training_flops(0, 1), "parameters = 0"),
    (lambda: economics.training_estimate(1, economics.DEVICES["A100"], utilisation=1.5), "utilisation = 1.5"),
    (lambda: economics.training_estimate(1, economics.DEVICES["A100"], count=0), "count = 0"),
    (lambda: economics.tokens_per_second(1, economics.DEVICES["A100"], batch=0), "batch = 0"),
    (lambda: economics.expected_loss(1, -1), "tokens = -1"),
    (lambda: economics.compute_optimal(float("nan")), "flops = nan")])
def test_what_cannot_be_estimated_is_refused(call, message):
    with pytest.raises(SettingError, match=message):
        call()
