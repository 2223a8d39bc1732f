"""Checks of section 6.1: language."""
from labkit.checks.framework import exercise
from labkit.language import _


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
