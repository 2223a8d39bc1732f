"""Dense networks, their initial scales, and the sizes of the signal in them."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from labkit.models.dense import MLP, initialise, signal_sizes
from labkit.settings import SettingError


def test_an_mlp_is_a_stack_of_linear_layers_with_relu_between():
    model, x = MLP(12, 8, 6, 3), torch.rand(5, 3, 2, 2)
    stack = nn.Sequential(nn.Flatten(), model.layers[0], nn.ReLU(), model.layers[1], nn.ReLU(), model.layers[2])
    assert torch.equal(model(x), stack(x))
    assert [tuple(output.shape) for output in model.hidden(x)] == [(5, 8), (5, 6), (5, 3)]
    with pytest.raises(SettingError, match="sizes"):
        MLP(3)


def test_batch_norm_normalises_each_hidden_layer_before_its_relu():
    model, x = MLP(12, 8, 3, batch_norm=True), torch.rand(64, 12)
    expected = F.relu(F.batch_norm(model.layers[0](x), None, None, training=True))
    assert torch.allclose(model.hidden(x)[0], expected, atol=1e-5)


@pytest.mark.parametrize("scale, expected", [
    (0, 0), (0.3, 0.3), ("he", math.sqrt(2 / 400)), ("xavier", math.sqrt(2 / 700))])
def test_initial_scales(scale, expected):
    layer = initialise(nn.Linear(400, 300), scale)
    assert layer.weight.std().item() == pytest.approx(expected, rel=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize("scale", [-1, float("inf"), "best", True, None])
def test_a_scale_that_cannot_be_used_is_refused(scale):
    with pytest.raises(SettingError, match="scale"):
        initialise(MLP(2, 2), scale)


def test_signal_sizes_are_those_of_autograd():
    torch.manual_seed(0)
    model, x, y = MLP(6, 5, 4, 3), torch.rand(7, 6), torch.randint(0, 3, (7,))
    sizes = signal_sizes(model, x, y)
    first = F.relu(model.layers[0](x)).detach().requires_grad_()
    loss = F.cross_entropy(model.layers[2](F.relu(model.layers[1](first))), y)
    loss.backward()
    assert sizes["gradients"][0] == pytest.approx(first.grad.norm().item(), rel=1e-5)
    assert sizes["weights"][2] == pytest.approx(model.layers[2].weight.grad.norm().item(), rel=1e-5)
    assert sizes["activations"][0] == pytest.approx(first.square().mean().sqrt().item(), rel=1e-5)
    assert {name: len(values) for name, values in sizes.items()} == {"activations": 2, "gradients": 2, "weights": 3}
