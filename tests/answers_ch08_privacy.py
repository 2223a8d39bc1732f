"""Answers to exercise 8.3: right ones, and plausible wrong ones."""
import torch


def row_by_row(gradients, clip, noise, expected_batch):
    total = noise.clone()
    for row in gradients:
        length = row.norm().item()
        total += row * (clip / length if length > clip else 1.0)
    return total / expected_batch


def with_factor(gradients, clip, noise, expected_batch, factor):
    return ((gradients * factor).sum(0) + noise) / expected_batch


def at_most_one(gradients, clip):
    return 1 / (gradients.norm(dim=1, keepdim=True) / clip).clamp(min=1)


RIGHT = {"8.3": [row_by_row, lambda g, clip, noise, batch: with_factor(g, clip, noise, batch, at_most_one(g, clip))]}
WRONG = {"8.3": [
    lambda g, clip, noise, batch: (torch.nan_to_num(clip * g / g.norm(dim=1, keepdim=True)).sum(0) + noise) / batch,
    lambda g, clip, noise, batch: (g.clamp(-clip, clip).sum(0) + noise) / batch,        # each number, not the length
    lambda g, clip, noise, batch: g.sum(0) * at_most_one(g.sum(0, keepdim=True), clip)[0] / batch + noise / batch,
    lambda g, clip, noise, batch: row_by_row(g, clip, noise, max(1, len(g))),           # the number that is secret
    lambda g, clip, noise, batch: row_by_row(g, clip, len(g) * noise, batch),           # noise for each person
    lambda g, clip, noise, batch: row_by_row(g, clip, 0 * noise, batch) + noise,        # not divided
]}
