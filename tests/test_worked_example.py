"""The worked example in NumPy: each function against torch, with its gradients."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labkit import worked_example
from labkit.experiments.ch04 import _by_torch


@pytest.mark.parametrize("channels, filters, size, stride", [(1, 1, 3, 1), (3, 2, 3, 1), (2, 3, 2, 2), (1, 2, 3, 2)])
def test_convolution_and_its_gradients(channels, filters, size, stride):
    draw = np.random.default_rng(0)
    x, kernel, bias = (draw.normal(size=shape) for shape in (
        (channels, 8, 9), (filters, channels, size, size), (filters,)))
    tensors = [torch.tensor(value, requires_grad=True) for value in (x, kernel, bias)]
    expected = F.conv2d(*tensors, stride=stride)
    z = worked_example.convolve(x, kernel, bias, stride)
    np.testing.assert_allclose(z, expected.detach(), rtol=1e-12, atol=1e-12)
    dz = draw.normal(size=z.shape)
    gradients = worked_example.convolve_backward(dz, x, kernel, stride)
    for mine, theirs in zip(gradients, torch.autograd.grad(expected, tensors, torch.tensor(dz)), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("height, size", [(6, 2), (7, 2), (9, 3)])
def test_pooling_gives_equal_values_gradient_to_the_first(height, size):
    """Whole numbers, so that windows have ties."""
    draw = np.random.default_rng(1)
    a = draw.integers(0, 3, (2, height, 8)).astype(float)
    tensor = torch.tensor(a, requires_grad=True)
    expected = F.max_pool2d(tensor, size)
    p = worked_example.max_pool(a, size)
    assert np.array_equal(p, expected.detach())
    dp = draw.normal(size=p.shape)
    theirs, = torch.autograd.grad(expected, tensor, torch.tensor(dp))
    assert np.array_equal(worked_example.max_pool_backward(dp, a, size), theirs)


@pytest.mark.parametrize("seed, filters", [(0, 1), (1, 3)])
def test_every_tensor_of_the_whole_pass(seed, filters):
    draw = np.random.default_rng(seed)
    image = draw.uniform(0, 1, (1, 28, 28)) * (draw.uniform(0, 1, (1, 28, 28)) > 0.5)    # half of it background
    tensors = worked_example.forward(image, np.eye(10)[3], **worked_example.initial(filters=filters, seed=seed))
    assert [tensors[name].shape for name in ("z", "a", "p", "y")] == [
        (filters, 26, 26), (filters, 26, 26), (filters, 13, 13), (10,)]
    gradients = worked_example.backward(tensors)
    values, theirs = _by_torch(tensors)
    assert list(gradients) == list(worked_example.TENSORS)
    for name in worked_example.TENSORS:
        np.testing.assert_allclose(tensors[name], values[name].detach(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gradients[name], theirs[name], rtol=1e-10, atol=1e-12)
        assert np.abs(gradients[name]).max() > 0
