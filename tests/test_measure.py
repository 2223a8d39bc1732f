"""Measured seconds and bytes."""
import time

import torch
from torch import nn

from labkit.measure import costs, peak_bytes, seconds


def test_seconds_take_turns_in_an_order_of_each_round():
    order = []
    slow = {"a": lambda: order.append("a"), "b": lambda: (order.append("b"), time.sleep(0.002))}
    found = seconds(slow, 12, warm_up=1)
    rounds = [tuple(order[at:at + 2]) for at in range(2, len(order), 2)]
    assert order[:2] == ["a", "b"] and set(rounds) == {("a", "b"), ("b", "a")} and len(rounds) == 12
    assert min(found["b"]) >= 0.002 > max(found["a"]) and len(found["a"]) == 12


def test_inference_holds_two_layers_at_a_time():
    model = nn.Sequential(*[nn.Linear(256, 256, bias=False) for _layer in range(6)])
    batch = torch.zeros(8, 256)
    with torch.inference_mode():
        assert peak_bytes(lambda: model(batch), [*model.parameters(), batch]) == (6 * 256 ** 2 + 3 * 8 * 256) * 4


def test_training_holds_every_layer_and_every_gradient():
    model = nn.Sequential(*[layer for _layer in range(6) for layer in (nn.Linear(64, 64, bias=False), nn.Tanh())])
    batch = torch.zeros(1024, 64)
    held = [*model.parameters(), batch]
    peak = peak_bytes(lambda: model(batch).sum().backward(), held)
    tanhs, weights = 6 * 1024 * 64 * 4, 6 * 64 * 64 * 4
    assert tanhs + weights < peak - batch.nbytes < tanhs + 2 * weights + 4 * batch.nbytes


def test_memory_is_given_back_and_views_count_once():
    batch = torch.zeros(1000)

    def call():
        for _turn in range(5):
            copy = batch + 1
            _view = copy[:500]
            del copy, _view
    assert peak_bytes(call) == 4000 + 0
    assert peak_bytes(call, [batch, batch[:10]]) == 8000


def test_a_training_step_holds_four_copies_of_the_weights_and_changes_them():
    model = nn.Linear(1000, 100)
    before = model.weight.detach().clone()
    found = costs(model, torch.rand(4, 1000), torch.zeros(4, dtype=torch.int64), rounds=2)
    weights = 100_100 * 4
    assert 4 * weights < found["training step"]["bytes"] < 4.2 * weights
    assert weights < found["inference"]["bytes"] < 1.1 * weights
    assert found["training step"]["seconds"] > found["inference"]["seconds"] > 0
    assert not torch.equal(model.weight, before)
