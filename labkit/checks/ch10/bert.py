"""The check of BERT's paper: what a reader may see."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _rows(draw):
    yield 3, "left to right", 0
    yield 3, "both sides", 0
    yield 4, "both sides", 1                            # padding is seen by nobody, and sees the rest
    yield 4, "left to right", 2
    for _case in range(6):
        length = draw.randint(1, 9)
        yield length, draw.choice(("both sides", "left to right")), draw.randint(0, length - 1)


@exercise("10.3", _rows, lambda: (
    _("Row i, column j: may token i see token j? From both sides, what could forbid it at all?"),
    _("Padding stands at the end: columns from length − padding on are False in every row. Left to right wants j ≤ i."),
    _("seen = torch.ones(length, length, dtype=torch.bool); .tril() for left to right; then seen[:, length - padding:] "
      "= False."),
))
def visible(length, kind, padding):
    """Bool (length, length): whether token i may see token j; the last `padding` tokens are padding."""
    seen = torch.ones(length, length, dtype=torch.bool)
    if kind == "left to right":
        seen = seen.tril()
    seen[:, length - padding:] = False
    return seen
