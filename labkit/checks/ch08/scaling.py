"""The check of the scaling lab: a power law by least squares on logarithms."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _curves(draw):
    yield torch.tensor([10.0, 100.0], dtype=torch.float64), torch.tensor([2.0, 1.0], dtype=torch.float64)
    yield torch.tensor([3.0, 30.0, 90.0], dtype=torch.float64), torch.tensor([0.7] * 3, dtype=torch.float64)     # flat
    rising = torch.tensor([1e3, 8e3, 2e4], dtype=torch.float64)
    yield rising, 5 * rising ** 0.25
    yield torch.tensor([2e9, 1e3, 5e5], dtype=torch.float64), torch.tensor([1.5, 4.0, 2.6], dtype=torch.float64)
    for _case in range(6):
        sizes = torch.tensor([10 ** draw.uniform(1, 6) for _size in range(draw.randint(3, 9))], dtype=torch.float64)
        noise = torch.tensor([draw.uniform(0.9, 1.1) for _size in sizes], dtype=torch.float64)
        yield sizes, draw.uniform(1, 20) * sizes ** -draw.uniform(0.02, 0.5) * noise


@exercise("8.1", _curves, lambda: (
    _("On what scale is a power law a straight line? What are its slope and its height there?"),
    _("log L = log(factor) - exponent · log N. Take logarithms of both columns first."),
    _("With x and y for the logarithms, each minus its mean, the slope is (x · y).sum() / (x · x).sum(); the exponent "
      "is minus that, and the line goes through both means."),
))
def power_law(sizes, losses):
    """Exponent and factor, in this order, of losses = factor / sizes^exponent, by least squares on logarithms.

    Both are tensors (N,) of numbers above 0, at least two of the sizes different.
    """
    x, y = torch.as_tensor(sizes).double().log(), torch.as_tensor(losses).double().log()
    from_mean = x - x.mean()
    slope = (from_mean * (y - y.mean())).sum() / from_mean.square().sum()
    return -slope.item(), (y.mean() - slope * x.mean()).exp().item()
