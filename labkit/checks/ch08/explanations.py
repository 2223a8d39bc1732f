"""The check of section 8.2 on explanations: integrated gradients of a network that is given as weights."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _networks(draw):
    one = torch.tensor
    yield one([2.0, 1.0]), one([0.0, 0.0]), one([[1.0, 0.0], [0.0, 1.0]]), one([0.5, 0.5]), one([3.0, -1.0]), 4
    yield one([1.0]), one([-1.0]), one([[1.0]]), one([0.3]), one([2.0]), 1          # one step, and a baseline not 0
    yield one([1.0, 1.0]), one([1.0, 1.0]), one([[1.0, 2.0]]), one([0.1]), one([1.0]), 3        # nothing has changed
    for _case in range(6):
        inputs, hidden = draw.randint(1, 4), draw.randint(1, 5)

        def numbers(*shape):
            return torch.tensor([draw.gauss(0, 1) for _number in range(torch.Size(shape).numel())]).view(shape)
        yield (numbers(inputs), numbers(inputs), numbers(hidden, inputs), numbers(hidden), numbers(hidden),
               draw.randint(2, 12))


@exercise("8.4", _networks, lambda: (
    _("Walk from the baseline to x in a straight line; take the gradient at the middle of each of `steps` pieces."),
    _("At a point p the gradient is out, where weights @ p + bias is above 0, times weights; then take the mean."),
    _("Multiply the mean gradient by x - baseline. The parts then add up to about f(x) - f(baseline)."),
))
def integrated_gradients(x, baseline, weights, bias, out, steps):
    """Integrated gradients (Sundararajan et al. 2017) of f(x) = out · relu(weights @ x + bias), float (inputs,).

    x and baseline (inputs,), weights (hidden, inputs), bias and out (hidden,). The integral is a mean over the middles
    of `steps` equal pieces of the way from baseline to x.
    """
    places = (torch.arange(steps) + 0.5) / steps
    points = baseline + places[:, None] * (x - baseline)
    slopes = ((points @ weights.T + bias > 0) * out) @ weights
    return (x - baseline) * slopes.mean(0)
