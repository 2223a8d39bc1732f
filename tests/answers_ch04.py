"""Answers to the exercises of chapter 4: right ones, and plausible wrong ones."""
import math

import torch
import torch.nn.functional as F


def gradient_by_autograd(w, b, x, y):
    w = w.clone().requires_grad_()
    loss = ((torch.tanh(w @ x + b) - y) ** 2).sum() / 2
    return torch.autograd.grad(loss, w)[0]


def size_from_torch(size, kernel, stride=1, padding=0, dilation=1):
    return F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation).shape[2]


def attend(q, k, v, scale=True, mask=True, dim=-1, after=False):
    future = torch.ones(len(q), len(q), dtype=torch.bool).triu(1)
    scores = q @ k.T / (math.sqrt(q.shape[1]) if scale else 1)
    if mask:
        scores = scores.masked_fill(future, -math.inf)
    weights = scores.softmax(dim=dim)
    return (weights.masked_fill(future, 0) if after else weights) @ v


RIGHT = {
    "4.1": [gradient_by_autograd,
            lambda w, b, x, y: ((torch.tanh(w @ x + b) - y) * torch.cosh(w @ x + b) ** -2)[:, None] * x],
    "4.2": [size_from_torch, lambda n, k, s=1, p=0, d=1: math.floor((n + 2 * p - d * (k - 1) - 1) / s + 1)],
    "4.3": [lambda d, q, k: (d * q ** 2 * k ** 2) ** 0.5, lambda d, q, k: torch.tensor(q * k * math.sqrt(d))],
    "4.4": [attend, lambda q, k, v: F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]],
}
WRONG = {
    "4.1": [lambda w, b, x, y: torch.outer(torch.tanh(w @ x + b) - y, x),                      # no slope of tanh
            lambda w, b, x, y: torch.outer((w @ x + b - y), x),                               # no tanh
            lambda w, b, x, y: torch.outer(x, (torch.tanh(w @ x + b) - y)),                   # transposed
            lambda w, b, x, y: gradient_by_autograd(w, b, x, y) / len(y),                     # a mean
            lambda w, b, x, y: 2 * gradient_by_autograd(w, b, x, y)],                         # without the half
    "4.2": [lambda n, k, s=1, p=0, d=1: (n - k) // s + 1,                                      # no padding
            lambda n, k, s=1, p=0, d=1: (n + p - d * (k - 1) - 1) // s + 1,                    # padding on one side
            lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * (k - 1)) // s,                        # forgets the first
            lambda n, k, s=1, p=0, d=1: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1,      # rounds up
            lambda n, k, s=1, p=0, d=1: (n + 2 * p - d * k) // s + 1],                         # a gap too many
    "4.3": [lambda d, q, k: math.sqrt(d), lambda d, q, k: q * k * d, lambda d, q, k: q ** 2 * k ** 2 * math.sqrt(d),
            lambda d, q, k: (q + k) / 2 * math.sqrt(d)],
    "4.4": [lambda q, k, v: attend(q, k, v, scale=False), lambda q, k, v: attend(q, k, v, mask=False),
            lambda q, k, v: attend(q, k, v, mask=False, after=True),                           # rows under 1
            lambda q, k, v: attend(q, k, v, mask=False, dim=0), lambda q, k, v: attend(k, q, v)],
}
