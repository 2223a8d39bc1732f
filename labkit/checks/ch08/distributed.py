"""The check of section 8.1: the gradient of a batch that several processes share."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _shares(draw):
    yield torch.tensor([[1.0, 2.0], [3.0, 6.0]]), torch.tensor([4, 4])
    yield torch.tensor([[1.0, 2.0], [4.0, 8.0]]), torch.tensor([1, 2])
    yield torch.tensor([[1.0, -2.0], [float("nan"), float("nan")], [5.0, 2.0]]), torch.tensor([3, 0, 1])
    for _case in range(5):
        processes, parameters = draw.randint(1, 6), draw.randint(1, 5)
        gradients = torch.tensor([[draw.gauss(0, 1) for _number in range(parameters)] for _process in range(processes)])
        yield gradients, torch.tensor([draw.randint(1, 40) for _process in range(processes)])


@exercise("8.2", _shares, lambda: (
    _("The mean loss of the whole batch is a sum over all examples, divided by how many there are."),
    _("A share's mean gradient times its count is the sum over its examples. Add these sums, divide once."),
    _("Leave out shares with count 0 first: NaN times 0 is NaN. Then counts / counts.sum() are the weights."),
))
def average(gradients, counts):
    """The gradient of the mean loss of a whole batch, (parameters,).

    gradients (processes, parameters): each row the mean over one share, NaN for an empty one; counts (processes,) int.
    """
    seen = counts > 0
    return (counts[seen, None] * gradients[seen]).sum(0) / counts.sum()
