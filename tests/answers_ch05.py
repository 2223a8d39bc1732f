"""Answers to the exercises of chapter 5: right ones, and plausible wrong ones."""
import math

import numpy as np
import torch
from sklearn.metrics import confusion_matrix


def count_in_loops(targets, predictions, classes):
    matrix = [[0] * classes for _row in range(classes)]
    for target, prediction in zip(targets, predictions, strict=True):
        matrix[target][prediction] += 1
    return matrix


def floor_from_torch(classes):
    best = torch.zeros(1, classes)
    best[0, 0] = 1
    return torch.nn.functional.cross_entropy(best, torch.tensor([0]))


RIGHT = {
    "5.1": [lambda i, o, k, bias=True: sum(p.numel() for p in torch.nn.Conv2d(i, o, k, bias=bias).parameters()),
            lambda i, o, k, bias=True: float(o * i * k * k + (o if bias else 0))],
    "5.2": [lambda n, share, batch: -(-(n - round(n * share)) // batch),
            lambda n, share, batch: np.ceil((n - np.round(n * share)) / batch)],
    "5.3": [lambda k: math.log(math.e + k - 1) - 1, floor_from_torch],
    "5.4": [count_in_loops, lambda t, p, k: confusion_matrix(t, p, labels=range(k))],
}
WRONG = {
    "5.1": [lambda i, o, k, bias=True: o * i * k * k,                           # no biases
            lambda i, o, k, bias=True: o * (i * k * k + 1),                     # biases always
            lambda i, o, k, bias=True: o * i * k + bias * o,                    # a filter of one row
            lambda i, o, k, bias=True: o * k * k + bias * o,                    # one input channel
            lambda i, o, k, bias=True: o * i * k * k + bias * i],               # a bias for each input
    "5.2": [lambda n, share, batch: math.ceil(n / batch),                       # trains on all
            lambda n, share, batch: (n - round(n * share)) // batch,            # drops the last batch
            lambda n, share, batch: math.ceil(n * share / batch),               # trains on the validation part
            lambda n, share, batch: math.ceil(int(n * (1 - share)) / batch),    # cuts 99.99 to 99
            lambda n, share, batch: math.ceil(n / batch) - math.ceil(n * share / batch)],
    "5.3": [lambda k: 0.0,                                                      # what a right set-up reaches
            lambda k: math.log(k),                                              # the loss of a guess
            lambda k: math.log(math.e + k) - 1,                                 # k others instead of k - 1
            lambda k: 1.4612],                                                  # ten classes only
    "5.4": [lambda t, p, k: confusion_matrix(p, t, labels=range(k)),            # transposed
            lambda t, p, k: count_in_loops(t, p, int(max(t.max(), p.max())) + 1),   # only labels that occur
            lambda t, p, k: confusion_matrix(t, p, labels=range(k), normalize="all"),
            lambda t, p, k: np.diag(np.bincount(t, minlength=k))],              # right answers only
}
