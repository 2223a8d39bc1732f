"""Answers to exercises 9.2 and 9.5: right ones, and plausible wrong ones."""
import math


def margin(price, requests, tokens, price_per_million):
    return price - requests * tokens / 1_000_000 * price_per_million


def customers(fixed, *unit):
    if fixed == 0:
        return 0
    return math.inf if margin(*unit) <= 0 else -int(-fixed // margin(*unit))


def least(risks):
    total = 0.0
    for probability, impact, cost, lowered in risks:
        bought = cost + lowered * impact
        total += bought if bought < probability * impact else probability * impact
    return total


RIGHT = {"9.2": [customers], "9.5": [least]}
WRONG = {
    "9.2": [lambda fixed, *unit: fixed / margin(*unit) if margin(*unit) > 0 else math.inf,      # not whole customers
            lambda fixed, *unit: int(fixed // margin(*unit)) if margin(*unit) > 0 else math.inf,
            lambda fixed, price, *rest: math.ceil(fixed / price),                               # answers are free
            lambda fixed, *unit: math.ceil(fixed / margin(*unit)) if margin(*unit) else math.inf,   # below zero
            lambda fixed, price, requests, tokens, cost: customers(fixed, price, requests, tokens, cost * 1e3)],
    "9.5": [lambda risks: sum(p * i for p, i, _cost, _lowered in risks),                        # bears all
            lambda risks: sum(cost + q * i for _p, i, cost, q in risks),                        # buys all
            lambda risks: min(sum(p * i for p, i, _c, _q in risks), sum(c + q * i for _p, i, c, q in risks)),
            lambda risks: sum(min(p * i, cost) for p, i, cost, _q in risks)],                   # nothing is left over
}
