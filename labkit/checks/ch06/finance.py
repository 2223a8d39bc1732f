"""The check of section 6.4: what a threshold costs."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _loans(draw):
    yield torch.tensor([0.1, 0.6, 0.4, 0.9]), torch.tensor([False, False, True, True]), 0.5, 5.0
    yield torch.tensor([0.2, 0.5]), torch.tensor([True, True]), 0.5, 5.0                  # exactly at the threshold
    yield torch.tensor([0.3, 0.7, 0.8]), torch.tensor([False, False, False]), 0.5, 2.0
    for _case in range(6):
        count = draw.randint(1, 12)
        probability = torch.tensor([draw.random() for _loan in range(count)])
        bad = torch.tensor([draw.random() < 0.4 for _loan in range(count)])
        yield probability, bad, round(draw.random(), 2), float(draw.randint(1, 20))


@exercise("6.5", _loans, lambda: (
    _("Two kinds of mistake cost something, the other two cases nothing. Which loans are refused?"),
    _("refused = probability >= threshold. A bad loan that is not refused costs the ratio, a good one that is: 1."),
    _("ratio * (bad & ~refused) + 1.0 * (~bad & refused), and the mean over all loans."),
))
def cost_per_loan(probability, bad, threshold, ratio):
    """What a threshold costs: `ratio` for each bad loan accepted, 1 for each good one refused, mean over all loans.

    Tensors (N,): probability of being bad, and bad (bool). Loans of at least the threshold are refused.
    """
    refused = probability >= threshold
    return (ratio * (bad & ~refused) + 1.0 * (~bad & refused)).mean()
