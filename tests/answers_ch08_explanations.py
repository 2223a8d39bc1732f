"""Answers to exercise 8.4: right ones, and plausible wrong ones."""
import torch


def by_autograd(x, baseline, weights, bias, out, steps, at=0.5):
    total = torch.zeros_like(x)
    for step in range(steps):
        point = (baseline + (step + at) / steps * (x - baseline)).requires_grad_()
        (torch.relu(weights @ point + bias) @ out).backward()
        total += point.grad
    return (x - baseline) * total / steps


def by_units(x, baseline, weights, bias, out, steps):
    found = torch.zeros_like(x)
    for row, shift, strength in zip(weights, bias, out, strict=True):
        on = sum(float(row @ (baseline + (step + 0.5) / steps * (x - baseline)) + shift) > 0 for step in range(steps))
        found += strength * row * on / steps * (x - baseline)
    return found


def slope(point, weights, bias, out):
    return ((weights @ point + bias > 0) * out) @ weights


RIGHT = {"8.4": [by_autograd, by_units]}
WRONG = {"8.4": [
    lambda x, base, w, b, out, steps: (x - base) * slope(x, w, b, out),                         # the slope at x alone
    lambda x, base, w, b, out, steps: x * by_autograd(x, base, w, b, out, steps),
    lambda x, base, w, b, out, steps: by_autograd(x, base, w, b, out, steps) * steps,           # a sum, not a mean
    lambda x, base, w, b, out, steps: by_autograd(x, base, w, b, out, steps, at=0.0),           # starts of the pieces
    lambda x, base, w, b, out, steps: by_autograd(x, torch.zeros_like(x), w, b, out, steps),    # forgets the baseline
    lambda x, base, w, b, out, steps: by_autograd(x, base, w, b, out, steps).sum(),             # completeness alone
]}
