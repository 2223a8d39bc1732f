"""Checks of section 6.1: language."""
import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _masks(draw):
    def rows(count, length, mask, padded):
        tokens = torch.tensor([[draw.randrange(2, mask) for _place in range(length)] for _row in range(count)])
        tokens[:, length - padded:] = 0
        draws, kinds = (torch.tensor([[draw.random() for _place in range(length)] for _row in range(count)])
                        for _table in range(2))
        others = torch.tensor([[draw.randrange(2, mask) for _place in range(length)] for _row in range(count)])
        return tokens, draws, kinds, others, mask
    yield (torch.tensor([[5, 6, 7, 8, 0]]), torch.tensor([[0.1, 0.14, 0.0, 0.15, 0.1]]),
           torch.tensor([[0.79, 0.8, 0.95, 0.1, 0.1]]), torch.tensor([[2, 3, 4, 5, 6]]), 9)
    yield rows(2, 40, 30, 0)
    for _case in range(6):
        yield rows(draw.randint(1, 4), draw.randint(30, 70), draw.randint(20, 60), draw.randint(0, 20))


@exercise("6.1", _masks, lambda: (
    _("Three questions for each place: is it chosen, what does the model see there, and does its loss count?"),
    _("Chosen: draws < 0.15 and no padding. Of these, kinds < 0.8 see the mask, kinds from 0.8 to 0.9 see `others`."),
    _("torch.where(chosen & (kinds < 0.8), mask, ...) for the inputs; tokens.where(chosen, -100) for the targets, also "
      "where the token stays as it is."),
))
def mask_tokens(tokens, draws, kinds, others, mask):
    """What BERT is given and what it has to name: (inputs, targets), each (N, T) int64.

    tokens (N, T) with 0 for padding; draws and kinds (N, T), random numbers from 0 to 1; others (N, T), random tokens;
    mask, the id that hides a token. A place is chosen if its draw is below 0.15 and it is no padding. By its kind it
    becomes the mask (below 0.8), the other token (below 0.9), or stays. Targets are -100 where nothing was chosen.
    """
    chosen = (draws < 0.15) & (tokens != 0)
    inputs = torch.where(chosen & (kinds < 0.9), others, tokens)
    return torch.where(chosen & (kinds < 0.8), mask, inputs), tokens.where(chosen, torch.tensor(-100))


def _spans(draw):
    yield [0.0, 3.0, 1.0], [2.5, 0.0, 2.0], 4           # the likeliest end lies before the likeliest start
    yield [5.0, 0.0, 0.0, 0.0, 0.5], [0.0, 1.0, 0.0, 0.0, 3.0], 2        # two likely places, too far apart
    yield [5.0, 0.0, 0.0, 0.0], [0.0, 0.5, 3.0, 0.0], 2                 # too far by one word
    yield [-1.0, -4.0, -2.0], [-3.0, -0.5, -2.0], 3
    yield [2.0, 1.0], [2.0, 1.0], 1
    yield [0.3], [0.7], 4
    for _case in range(8):
        length = draw.randrange(2, 12)
        yield ([draw.gauss(0, 2) for _place in range(length)], [draw.gauss(0, 2) for _place in range(length)],
               draw.randrange(1, 5))


@exercise("6.2", _spans, lambda: (
    _("The likeliest start and the likeliest end, each for itself, need not belong together."),
    _("Try every start, and for each every end from start to start + longest - 1 that is still in the passage."),
    _("Logits are logarithms: the pair with the largest probability is the one with the largest sum."),
))
def best_span(start, end, longest):
    """The likeliest span of at most `longest` words: a pair, its first and its last place.

    `start` and `end` are lists with a logit for each place of the passage, as a reader gives them.
    """
    pairs = [(first, last) for first in range(len(start)) for last in range(first, min(first + longest, len(start)))]
    return max(pairs, key=lambda pair: start[pair[0]] + end[pair[1]])
