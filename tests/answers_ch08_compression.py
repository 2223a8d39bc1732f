"""Answers to exercise 8.6: right ones, and plausible wrong ones."""
import torch


def by_levels(weights, bits):
    largest = 2 ** (bits - 1) - 1
    span = weights.abs().max().item()
    levels = torch.arange(-largest, largest + 1) * (span / largest)
    return levels[(weights[..., None] - levels).abs().argmin(-1)]


def with_guard(weights, bits):
    largest = 2 ** (bits - 1) - 1
    scale = (weights.abs().max() / largest).clamp_min(1e-12)
    return (weights / scale).round().clamp(-largest, largest) * scale


def with_scale(weights, scale, rounded=torch.round):
    return scale * rounded(weights / scale)


RIGHT = {"8.6": [by_levels, with_guard]}
WRONG = {"8.6": [
    lambda w, bits: with_scale(w, w.abs().max() / 2 ** (bits - 1)),             # one level too many above
    lambda w, bits: with_scale(w, w.abs().max() / (2 ** bits - 1)),             # forgets the sign
    lambda w, bits: with_scale(w, (w.max() / (2 ** (bits - 1) - 1)).clamp_min(1e-12)),      # largest, not largest size
    lambda w, bits: with_scale(w, (w.abs().max() / (2 ** (bits - 1) - 1)).clamp_min(1e-12), torch.trunc),
    lambda w, bits: (w / (w.abs().max() / (2 ** (bits - 1) - 1)).clamp_min(1e-12)).round(), # without the scale
    lambda w, bits: with_scale(w, w.abs().max() / (2 ** (bits - 1) - 1)),       # 0 / 0
]}
