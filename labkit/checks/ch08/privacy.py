"""The check of section 8.2 on privacy: the gradient that DP-SGD takes."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _gradients(draw):
    yield torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0, torch.zeros(2), 2.0              # one is clipped, one is not
    yield torch.zeros(2, 3), 1.0, torch.tensor([1.0, -2.0, 0.5]), 4.0                   # without a direction to clip
    yield torch.tensor([[0.6, 0.8]]), 1.0, torch.tensor([0.5, 0.5]), 1.0                # exactly at the norm
    yield torch.zeros(0, 2), 1.0, torch.tensor([1.0, 1.0]), 5.0                         # nobody was drawn
    for _case in range(6):
        count, size = draw.randint(1, 6), draw.randint(1, 5)
        make = torch.Generator().manual_seed(draw.randrange(2 ** 31))
        gradients = torch.randn(count, size, generator=make) * 10 ** draw.uniform(-1, 1)
        yield (gradients, round(draw.uniform(0.2, 3), 2), torch.randn(size, generator=make),
               float(draw.randint(1, 8)))


@exercise("8.3", _gradients, lambda: (
    _("Each row is one person's gradient. How long is it, and how long may it be?"),
    _("Multiply a row by clip / length if it is longer than clip, else leave it: (clip / length).clamp(max=1)."),
    _("Sum the rows, add the noise once, and divide by expected_batch, not by the number of rows: that is secret."),
))
def private_gradient(gradients, clip, noise, expected_batch):
    """The step's gradient: rows (N, D) shortened to length `clip` at most, summed, plus noise (D,), divided."""
    lengths = gradients.norm(dim=1, keepdim=True)
    shortened = gradients * (clip / lengths.clamp(min=1e-12)).clamp(max=1)
    return (shortened.sum(0) + noise) / expected_batch
