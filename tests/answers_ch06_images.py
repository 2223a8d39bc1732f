"""Answers to exercise 6.3: right ones, and plausible wrong ones."""
from torch import nn


def by_layers(width, expansion, kernel, pixels, depthwise=True, narrow=True):
    inner = width * expansion
    middle = inner * kernel ** 2 * (1 if depthwise else inner)
    return pixels * (width * inner + middle + (inner * width if narrow else 0))


def weights_times_pixels(width, expansion, kernel, pixels):
    inner = width * expansion
    layers = (nn.Conv2d(width, inner, 1, device="meta"), nn.Conv2d(inner, inner, kernel, groups=inner, device="meta"),
              nn.Conv2d(inner, width, 1, device="meta"))
    return pixels * sum(layer.weight.numel() for layer in layers)


RIGHT = {"6.3": [by_layers, weights_times_pixels]}
WRONG = {"6.3": [lambda w, e, k, p: by_layers(w, e, k, p, depthwise=False),         # an ordinary convolution inside
                 lambda w, e, k, p: by_layers(w, e, k, p, narrow=False),            # forgets the way back
                 lambda w, e, k, p: 2 * by_layers(w, e, k, p),                      # operations, additions included
                 lambda w, e, k, p: by_layers(w, e, k, p) // p,                     # parameters
                 lambda w, e, k, p: p * w * w * k * k]}                             # a plain block
