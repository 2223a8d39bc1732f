"""The check of compression: weights in a few bits."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _weights(draw):
    yield torch.tensor([0.3, -1.0, 0.8, 0.1]), 2            # three levels: -1, 0 and 1 times the scale
    yield torch.tensor([[0.1, -0.25], [-1.5, 0.6]]), 8      # the largest is negative
    yield torch.zeros(3), 4                                 # no scale at all
    yield torch.tensor([0.02]), 3
    for _case in range(6):
        shape = [draw.randint(1, 4) for _axis in range(draw.randint(1, 3))]
        generator = torch.Generator().manual_seed(draw.randrange(10**6))
        yield 10 ** draw.uniform(-3, 1) * torch.randn(shape, generator=generator), draw.randint(2, 8)


@exercise("8.6", _weights, lambda: (
    _("With bits = 8 the whole numbers run from -127 to 127: as many below 0 as above, so that 0 stays 0."),
    _("The scale is what one step is worth: the largest |weight| divided by the largest whole number."),
    _("scale * (weights / scale).round(), where scale = weights.abs().max() / (2 ** (bits - 1) - 1). Mind scale 0."),
))
def quantise(weights, bits):
    """What the weights (a tensor) become in `bits` bits: whole numbers, symmetric about 0, times one scale.

    The largest size falls on the largest whole number. Weights that are all 0 stay so.
    """
    largest = 2 ** (bits - 1) - 1
    scale = weights.abs().max() / largest
    if scale == 0:
        return weights
    return scale * (weights / scale).round()
