"""Checks of questions 2 and 5: customers to break even, and which measures against risks pay."""
import math

from labkit.checks.framework import exercise
from labkit.language import _


def _ventures(draw):
    yield 10_000, 20.0, 0, 1500, 3.0            # no requests: the price is the margin
    yield 0, 20.0, 100, 1000, 2.0               # nothing fixed to earn back
    yield 1000, 2.0, 1000, 1000, 2.0            # the answers cost what the customer pays
    yield 1000, 1.0, 1000, 1000, 2.0            # and more than that
    yield 999, 10.0, 0, 1000, 2.0               # not a whole number of customers
    for _case in range(6):
        yield (draw.randint(1, 100) * 1000, draw.uniform(5, 50), draw.randint(10, 3000), draw.randint(100, 5000),
               draw.uniform(0.5, 10))


@exercise("9.2", _ventures, lambda: (
    _("What does one customer leave over in a month, after the answers are paid?"),
    _("price - requests * tokens * price_per_million / 1e6. Where nothing is left over, no number is enough."),
    _("math.ceil(fixed / margin); math.inf where the margin is not above 0, unless nothing is fixed: then 0."),
))
def break_even_customers(fixed, price, requests, tokens, price_per_million):
    """The fewest customers whose margins cover `fixed` a month; infinity where no number does.

    A customer pays `price` and sends `requests` of `tokens` tokens, of which a million cost `price_per_million`.
    """
    margin = price - requests * tokens * price_per_million / 1e6
    if fixed <= 0:
        return 0
    return math.ceil(fixed / margin) if margin > 0 else math.inf


def _risks(draw):
    yield ([(0.5, 100.0, 10.0, 0.1)],)          # the measure pays: 50 against 10 + 10
    yield ([(0.1, 100.0, 10.0, 0.05)],)         # it does not: 10 against 10 + 5
    yield ([],)
    yield ([(1.0, 5.0, 0.0, 1.0), (0.0, 1000.0, 1.0, 0.0)],)
    for _case in range(6):
        risks = []
        for _risk in range(draw.randint(2, 6)):
            probability = draw.random()
            risks.append((probability, draw.uniform(10, 1000), draw.uniform(0, 200), probability * draw.random()))
        yield (risks,)


@exercise("9.5", _risks, lambda: (
    _("For one risk there are two plans: bear it, or pay for the measure and bear what is left."),
    _("Bearing costs probability * impact; the measure costs its price, and lowered * impact is left."),
    _("The smaller of the two for each risk, added up: sum(min(p * i, cost + q * i) for p, i, cost, q in risks)."),
))
def least_expected_cost(risks):
    """The least that the risks cost on average, each with its measure where that pays.

    `risks` is a list of (probability, impact, cost of the measure, probability with it); 0 for an empty list.
    """
    return float(sum(min(probability * impact, cost + lowered * impact)
                     for probability, impact, cost, lowered in risks))
