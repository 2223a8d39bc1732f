"""Checks of chapter 4: a gradient by hand, a convolution's size, the scale of scores, a mask."""
import math

import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _normal(draw, *shape) -> torch.Tensor:
    return torch.tensor([draw.gauss(0, 1) for _number in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def _layers(draw):
    yield tuple(torch.tensor(values, dtype=torch.float64) for values in ([[0.5, -1.0]], [0.1], [1.0, 2.0], [0.3]))
    for _case in range(5):
        inputs, outputs = draw.randint(1, 6), draw.randint(2, 5)
        yield _normal(draw, outputs, inputs), _normal(draw, outputs), _normal(draw, inputs), _normal(draw, outputs)


@exercise("4.1", _layers, lambda: (
    _("Go backwards through three lines: the loss, tanh, the sum. What does each hand to the one before?"),
    _("The loss hands a - y to tanh, and tanh multiplies it by its slope, 1 - a². That is ∂L/∂z."),
    _("w[j, i] reaches only z[j], with slope x[i], so ∂L/∂w[j, i] is ∂L/∂z[j] times x[i]: torch.outer."),
))
def weight_gradient(w, b, x, y):
    """The gradient of L = ½ Σ (a - y)² for the weights of one layer, a = tanh(z), z = w @ x + b.

    Tensors: w (outputs, inputs), b and y (outputs,), x (inputs,). Return the shape of w.
    """
    a = torch.tanh(w @ x + b)
    return torch.outer((a - y) * (1 - a ** 2), x)


def _convolutions(draw):
    yield 28, 3
    yield 28, 3, 1, 1
    yield 26, 2, 2
    yield 7, 3, 2
    yield 5, 5
    yield 28, 3, 1, 0, 2
    for _case in range(10):
        kernel, dilation, padding = draw.randint(1, 5), draw.randint(1, 3), draw.randint(0, 3)
        size = dilation * (kernel - 1) + 1 + draw.randint(0, 40)
        yield size, kernel, draw.randint(1, 4), padding, dilation


@exercise("4.2", _convolutions, lambda: (
    _("Lay the filter at the left edge. How many steps can it go to the right before it leaves the padded image?"),
    _("Padding adds to both sides. A filter with dilation d has d - 1 gaps between its values, so it spans "
      "d × (kernel - 1) + 1 pixels."),
    _("The first position counts too: (size + 2 × padding - span) // stride + 1."),
))
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    """Pixels along one side after a convolution, or a pooling with `stride=kernel`.

    `output_size(28, 3)` is 26, the document's example. With dilation d, the values of the filter are d pixels apart.
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _widths(draw):
    yield 64, 1.0, 1.0
    yield 1, 1.0, 1.0
    yield 256, 0.5, 2.0
    yield from ((draw.randint(1, 1024), draw.uniform(0.1, 3), draw.uniform(0.1, 3)) for _case in range(8))


@exercise("4.3", _widths, lambda: (
    _("A score is a sum of d_k products. What is the variance of one product of independent numbers with mean 0?"),
    _("It is the product of the variances, and d_k of them add up. You need a deviation, not a variance."),
    _("The root of d_k × query² × key². With both deviations 1, the document's √d_k must come out."),
))
def temperature(d_k, query_deviation, key_deviation):
    """The number to divide the scores q·k by, so that their standard deviation is 1.

    The d_k entries of q and k are independent with mean 0 and these standard deviations.
    """
    return query_deviation * key_deviation * math.sqrt(d_k)


def _sequences(draw):
    yield _normal(draw, 2, 4), _normal(draw, 2, 4), _normal(draw, 2, 3)
    yield _normal(draw, 1, 2), _normal(draw, 1, 2), _normal(draw, 1, 2)
    for _case in range(4):
        length, width = draw.randint(3, 6), draw.randint(2, 8)
        yield 2 * _normal(draw, length, width), _normal(draw, length, width), _normal(draw, length, draw.randint(1, 4))


@exercise("4.4", _sequences, lambda: (
    _("Row i of the scores belongs to query i. Which of its columns lie in the future?"),
    _("The weights of each row must still add up to 1. So the future has to go before the softmax, not after it."),
    _("scores.masked_fill(future, -math.inf), with future = torch.ones(T, T, dtype=torch.bool).triu(1); "
      "then softmax(dim=-1) @ v."),
))
def causal_attention(q, k, v):
    """softmax(q kᵀ / √d_k) v where token i sees itself and the tokens before it, and none after.

    Tensors: q and k (T, d_k), v (T, d_v). Return (T, d_v).
    """
    future = torch.ones(len(q), len(k), dtype=torch.bool).triu(1)
    scores = q @ k.T / math.sqrt(q.shape[1])
    return scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v
