"""The check of question 3: numbers are standardised by what the training part says, and by nothing else."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _parts(draw):
    train = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    yield train, torch.tensor([[2.0, 50.0]])                            # a single row has no deviation of its own
    yield train, train
    yield torch.tensor([[2.0, 5.0], [4.0, 5.0]]), torch.tensor([[3.0, 5.0], [3.0, 7.0]])     # a constant column
    for _case in range(6):
        columns = draw.randint(1, 4)
        rows = [[[draw.gauss(place, 1 + place) for place in range(columns)] for _row in range(draw.randint(2, 8))]
                for _part in range(2)]
        yield tuple(map(torch.tensor, rows))


@exercise("9.3", _parts, lambda: (
    _("A new case comes alone: it has no mean. Where do the numbers come from that it is measured by?"),
    _("mean and deviation along dim=0 of train, the deviation with correction=0; a deviation of 0 becomes 1."),
    _("deviation = train.std(0, correction=0), torch.where(deviation > 0, deviation, 1.0), and "
      "(new - train.mean(0)) / deviation."),
))
def standardise(train, new):
    """`new` (M, columns), each column less the mean of `train` (N, columns), divided by the deviation there.

    The deviation is that of the population; a column that is constant in `train` is divided by 1.
    """
    deviation = train.std(0, correction=0)
    return (new - train.mean(0)) / torch.where(deviation > 0, deviation, 1.0)
