"""The check of section 8.2 on fairness: a difference of true positive rates."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _loans(draw):
    yield (torch.tensor([True, False, True, True, False]), torch.tensor([True, True, True, False, True]),
           torch.tensor([True, True, False, False, False]))
    yield torch.tensor([True, False, True]), torch.tensor([True, True, False]), torch.tensor([True, False, True])
    yield torch.tensor([True, True]), torch.tensor([True, True]), torch.tensor([False, True])       # no difference
    for _case in range(6):
        count = draw.randint(4, 20)
        approved, repaid, young = ([draw.random() < share for _loan in range(count)] for share in (0.4, 0.7, 0.4))
        repaid[:2], young[:2] = [True, True], [True, False]         # each group has one who repaid
        yield torch.tensor(approved), torch.tensor(repaid), torch.tensor(young)


@exercise("8.5", _loans, lambda: (
    _("Equal opportunity looks at those who repaid, and at nobody else."),
    _("In each group: of the loans that were repaid, the share that was approved."),
    _("approved[repaid & young].double().mean() less approved[repaid & ~young].double().mean()"),
))
def equal_opportunity(approved, repaid, young):
    """True positive rate of the young less that of the others: of those who repaid, the share approved.

    Bool tensors (N,); each group has at least one loan that was repaid. Below 0 the young are worse off.
    """
    rates = [approved[repaid & group].double().mean() for group in (young, ~young)]
    return rates[0] - rates[1]
