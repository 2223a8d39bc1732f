"""Answers to exercise 6.4: right ones, and plausible wrong ones."""
import math

import numpy as np


def by_arrays(order, liked, k):
    weights = 1 / np.log(np.arange(2, k + 2))       # the base of the logarithm cancels
    hits = np.isin(order[:k], liked)
    best = weights[:len(liked)].sum()
    return (hits * weights[:len(hits)]).sum() / best if best else 0.0


def by_loop(order, liked, k, best="both", first=1, cut=True):
    total = sum(1 / math.log2(place + first) for place, item in enumerate(order[:k] if cut else order, 1)
                if item in liked)
    count = {"both": min(k, len(liked)), "k": k, "liked": len(liked)}[best]
    return total / sum(1 / math.log2(place + first) for place in range(1, count + 1)) if liked else 0.0


RIGHT = {"6.4": [by_arrays, by_loop]}
WRONG = {
    "6.4": [lambda order, liked, k: sum(1 / math.log2(place + 1) for place, item in enumerate(order[:k], 1)
                                        if item in liked),                                      # DCG, not divided
            lambda order, liked, k: by_loop(order, liked, k, best="k"),
            lambda order, liked, k: by_loop(order, liked, k, best="liked"),                     # more than fit into k
            lambda order, liked, k: by_loop(order, liked, k, first=2),                          # places from 2
            lambda order, liked, k: by_loop(order, liked, k, cut=False),
            lambda order, liked, k: len(set(order[:k]) & set(liked)) / max(1, min(k, len(liked)))],     # recall
}
