"""The check of the adversarial paper: the best discriminator."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _densities(draw):
    yield torch.tensor([0.5, 0.2, 0.0]), torch.tensor([0.5, 0.6, 1.0])
    yield torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0])                # where nothing ever falls
    for _case in range(5):
        count = draw.randint(2, 8)
        real, made = (torch.tensor([draw.random() if draw.random() < 0.8 else 0.0 for _place in range(count)])
                      for _side in range(2))
        yield real, made


@exercise("10.4", _densities, lambda: (
    _("Of everything that falls on one place, which share is real?"),
    _("The paper's proposition 1: real / (real + made). What does it give where both are 0?"),
    _("Take one half there: total = real + made; torch.where(total > 0, real / total, 0.5), with total clamped."),
))
def best_discriminator(real, made):
    """The probability of "real" that no discriminator beats, at places with densities `real` and `made`, (N,) each.

    One half where neither ever falls. Goodfellow et al. 2014, proposition 1.
    """
    total = real + made
    return torch.where(total > 0, real / total.clamp(min=1e-12), torch.full_like(total, 0.5))
