"""Answers to the exercises of chapter 2: right ones, and plausible wrong ones."""
import math

import torch
from torch import nn

from labkit.models import parameter_count
from labkit.models.dense import MLP


def layer_of_torch(width, feed_forward):
    with torch.device("meta"):
        return parameter_count(nn.TransformerEncoderLayer(width, 1, feed_forward))


def merge_by_text(ids, pair, new):
    """Tokens are small here, so that each can be one character."""
    return [ord(c) for c in "".join(map(chr, ids)).replace("".join(map(chr, pair)), chr(new))]


def merge_everywhere(ids, pair, new):
    """Also where a token is already part of a pair."""
    merged = [new for a, b in zip(ids, ids[1:], strict=False) if (a, b) == pair]
    return merged + [token for token in ids if token not in pair]


def merge_until_none(ids, pair, new):
    for _turn in range(20):
        ids = merge_by_text(ids, pair, new)
    return ids


def merge_once(ids, pair, new):
    for place in range(len(ids) - 1):
        if tuple(ids[place:place + 2]) == pair:
            return [*ids[:place], new, *ids[place + 2:]]
    return ids


def spectrogram_of_torch(samples, window, hop, center=False):
    return tuple(torch.stft(torch.zeros(samples), window, hop, window=torch.ones(window), center=center,
                            return_complex=True).shape)


def by_trying(parameters, depth, inputs, outputs, step=64):
    """In great steps, then in smaller ones."""
    width = 1
    with torch.device("meta"):
        while step:
            while parameter_count(MLP(inputs, *[width + step] * depth, outputs)) <= parameters:
                width += step
            step //= 4
    return width


RIGHT = {
    "2.1": [layer_of_torch, lambda w, f: 4 * w * w + 2 * w * f + f + 9 * w],
    "2.2": [merge_by_text, lambda ids, pair, new: torch.tensor(merge_by_text(ids, pair, new), dtype=torch.int64)],
    "2.3": [spectrogram_of_torch, lambda n, w, h: torch.tensor([w // 2 + 1, len(range(0, n - w + 1, h))])],
    "2.4": [by_trying],
    "2.5": [lambda p, layers, w, t, bits: p * bits / 8 + layers * (t * w * bits / 8 + t * w * bits / 8)],
}
WRONG = {
    "2.1": [lambda w, f: 4 * w * w + 2 * w * f,                                 # no biases, no norms
            lambda w, f: 4 * w * w + 2 * w * f + f + 5 * w,                     # no norms
            lambda w, f: 3 * w * w + 2 * w * f + f + 8 * w,                     # nothing mixes the heads
            lambda w, f: 4 * w * w + 2 * w * f + f + 7 * w,                     # norms without a shift
            lambda w, f: 12 * w * w + 13 * w],                                  # feed_forward is 4 × width
    "2.2": [merge_everywhere, merge_until_none, merge_once,
            lambda ids, pair, new: [new if (a, b) == pair else a for a, b in zip(ids, ids[1:] + [0], strict=False)],
            lambda ids, pair, new: merge_by_text(ids[::-1], pair[::-1], new)[::-1]],        # from the right
    "2.3": [lambda n, w, h: (w // 2 + 1, n // h),
            lambda n, w, h: (w // 2, 1 + (n - w) // h),
            lambda n, w, h: (w, 1 + (n - w) // h),                              # all frequencies
            lambda n, w, h: (w // 2 + 1, (n - w) // h),                         # the first is forgotten
            lambda n, w, h: (w // 2 + 1, math.ceil((n - w) / h) + 1),           # a last one that is cut
            lambda n, w, h: (1 + (n - w) // h, w // 2 + 1),                     # the other way round
            lambda n, w, h: spectrogram_of_torch(n, w, h, center=True)],
    "2.4": [lambda p, d, i, o: int((p / d) ** 0.5),
            lambda p, d, i, o: by_trying(p, d, i, o) + 1,                       # the first that is too large
            lambda p, d, i, o: by_trying(p, d + 1, i, o),                       # a layer too many
            lambda p, d, i, o: by_trying(p - 1, d, i, o)],                      # under the limit, not at most
    "2.5": [lambda p, layers, w, t, bits: p * bits / 8,                         # no keys and values
            lambda p, layers, w, t, bits: (p + layers * w * t) * bits / 8,      # keys alone
            lambda p, layers, w, t, bits: (p + 2 * layers * w * t) * bits,      # bits
            lambda p, layers, w, t, bits: (p + 2 * w * t) * bits / 8,           # one layer's
            lambda p, layers, w, t, bits: (p + 2 * layers * w * t) * (bits // 8)],
}
