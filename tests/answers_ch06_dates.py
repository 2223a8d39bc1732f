"""Answers to exercise 6.2: right ones, and plausible wrong ones."""
import numpy as np


def with_numpy(start, end, longest):
    scores = np.add.outer(start, end)
    allowed = np.tril(np.triu(np.ones_like(scores)), longest - 1) > 0
    return np.unravel_index(np.where(allowed, scores, -np.inf).argmax(), scores.shape)


def by_loops(start, end, longest):
    best, found = float("-inf"), None
    for first in range(len(start)):
        for last in range(first, min(first + longest, len(end))):
            if start[first] + end[last] > best:
                best, found = start[first] + end[last], [first, last]
    return found


def start_first(start, end, longest):
    first = int(np.argmax(start))
    return first, first + int(np.argmax(end[first:first + longest]))


RIGHT = {"6.2": [with_numpy, by_loops]}
WRONG = {"6.2": [
    lambda start, end, longest: (int(np.argmax(start)), int(np.argmax(end))),       # each for itself
    start_first,                                                                    # the start decides alone
    lambda start, end, longest: with_numpy(start, end, longest + 1),                # one word too many
    lambda start, end, longest: with_numpy(start, end, len(start)),                 # any length
    lambda start, end, longest: with_numpy(start, end, longest)[::-1],              # end before start
]}
