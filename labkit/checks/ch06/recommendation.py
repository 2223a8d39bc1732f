"""Check of section 6.3: how good an order is."""
import math

from labkit.checks.framework import exercise
from labkit.language import _


def _orders(draw):
    yield [3, 1, 2], [1], 3
    yield [3, 1, 2], [3], 1
    yield [3, 1, 2], [2], 2
    yield [5, 4, 3, 2, 1], [1, 2, 3, 4], 2
    yield [1, 2, 3], [], 2
    yield [7, 8], [8, 9], 10
    for _case in range(8):
        items = draw.sample(range(100), draw.randint(5, 30))
        yield items, draw.sample(items, draw.randint(1, 5)), draw.randint(1, 12)


@exercise("6.4", _orders, lambda: (
    _("Go through the first k items. Whenever one was liked, it adds its weight. Which weight has the first place, and "
      "which the second?"),
    _("The weight of place i, counted from 1, is 1 / log2(i + 1): 1, then 0.63, then 0.5."),
    _("Divide by what the best order would get: it has min(k, len(liked)) liked items on its first places."),
))
def ndcg(order, liked, k):
    """NDCG@k of a list of items, the best first, when the user turned out to like the items in `liked`.

    1 if all of the first places that could be liked items are; 0 if none is, or if nothing was liked.
    """
    def weight(place):
        return 1 / math.log2(place + 1)
    gained = sum(weight(place) for place, item in enumerate(order[:k], 1) if item in liked)
    best = sum(weight(place) for place in range(1, min(k, len(liked)) + 1))
    return gained / best if best else 0.0
