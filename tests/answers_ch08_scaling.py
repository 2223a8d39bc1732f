"""Answers to exercise 8.1: right ones, and plausible wrong ones."""
import math

import torch


def by_matrix(sizes, losses):
    columns = torch.stack([torch.ones_like(sizes), sizes.log()], dim=1)
    intercept, slope = torch.linalg.lstsq(columns, losses.log()[:, None]).solution.flatten().tolist()
    return -slope, math.exp(intercept)


def by_sums(sizes, losses):
    pairs = [(math.log10(n), math.log10(loss)) for n, loss in zip(sizes.tolist(), losses.tolist(), strict=True)]
    count, sum_x, sum_y = len(pairs), sum(x for x, _y in pairs), sum(y for _x, y in pairs)
    slope = ((count * sum(x * y for x, y in pairs) - sum_x * sum_y)
             / (count * sum(x * x for x, _y in pairs) - sum_x ** 2))
    return -slope, 10 ** ((sum_y - slope * sum_x) / count)


def first_and_last(sizes, losses):
    exponent = -(losses[-1] / losses[0]).log() / (sizes[-1] / sizes[0]).log()
    return exponent.item(), (losses[0] * sizes[0] ** exponent).item()


def through_the_origin(sizes, losses):
    x, y = sizes.log(), losses.log()
    return -((x * y).sum() / (x * x).sum()).item(), 1.0


def not_logarithms(sizes, losses):
    slope = ((sizes - sizes.mean()) * (losses - losses.mean())).sum() / (sizes - sizes.mean()).square().sum()
    return -slope.item(), (losses.mean() - slope * sizes.mean()).item()


RIGHT = {"8.1": [by_matrix, by_sums]}
WRONG = {"8.1": [
    first_and_last,                                                             # two points, not all
    through_the_origin, not_logarithms,
    lambda sizes, losses: (-by_sums(sizes, losses)[0], by_sums(sizes, losses)[1]),              # the slope itself
    lambda sizes, losses: (by_sums(sizes, losses)[0], math.log(by_sums(sizes, losses)[1])),     # the line's height
    lambda sizes, losses: by_sums(sizes, losses)[::-1],                                         # in the other order
]}
