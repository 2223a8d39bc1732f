"""Answers to the exercises of chapter 3: right ones, and plausible wrong ones."""
import math

import numpy as np
import torch

import labkit as lk


def gradient_by_autograd(x, W, upstream):
    weight = torch.tensor(W, requires_grad=True)
    torch.relu(torch.tensor(x) @ weight).backward(torch.tensor(upstream))
    return weight.grad


def momentum_by_torch(weight, gradients, learning_rate, momentum):
    value = torch.tensor(weight, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([value], lr=learning_rate, momentum=momentum)
    for gradient in gradients:
        value.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    return value


def average_of_gradients(weight, gradients, learning_rate, momentum):
    velocity = 0.0
    for gradient in gradients:
        velocity = momentum * velocity + (1 - momentum) * gradient
        weight -= learning_rate * velocity
    return weight


def with_the_old_velocity(weight, gradients, learning_rate, momentum):
    velocity = 0.0
    for gradient in gradients:
        weight -= learning_rate * velocity
        velocity = momentum * velocity + gradient
    return weight


def counts_rises(losses, patience):
    rises = 0
    for index, loss in enumerate(losses):
        rises = rises + 1 if index and loss > losses[index - 1] else 0
        if rises >= patience:
            return min(range(index + 1), key=losses.__getitem__)
    return losses.index(min(losses))


def last_seen(losses, patience):
    best = 0
    for index, loss in enumerate(losses):
        if loss < losses[best]:
            best = index
        elif index - best >= patience:
            return index
    return len(losses) - 1


def equal_counts_as_better(losses, patience):
    best = 0
    for index, loss in enumerate(losses):
        if loss <= losses[best]:
            best = index
        elif index - best >= patience:
            break
    return best


def one_too_patient(losses, patience):
    return lk.check.ch03.best_before_stop.reference(losses, patience + 1)


def by_run(losses, patience):
    """What labkit's own loop counts: validations since the best."""
    best, since = 0, 0
    for index, loss in enumerate(losses):
        best, since = (index, 0) if index == 0 or loss < losses[best] else (best, since + 1)
        if since >= patience:
            return best
    return best


RIGHT = {
    "3.1": [gradient_by_autograd, lambda x, W, u: np.einsum("ni,no->io", x, u * (x @ W > 0))],
    "3.2": [lambda n, a=0.0: torch.nn.init.calculate_gain("leaky_relu", a) / math.sqrt(n),
            lambda n, a=0.0: (2 / (1 + a * a) / n) ** 0.5],
    "3.3": [momentum_by_torch],
    "3.4": [by_run],
}
WRONG = {
    "3.1": [lambda x, W, u: x.T @ u,                                        # ReLU forgotten
            lambda x, W, u: x.T @ (u * (u > 0)),                            # the upstream gradient cut instead
            lambda x, W, u: u.T @ x,                                        # transposed
            lambda x, W, u: x.T @ (u * (x @ W > 0)) / len(x),               # a mean over examples
            lambda x, W, u: x.T @ (u * np.maximum(x @ W, 0))],              # times the output, not its slope
    "3.2": [lambda n, a=0.0: math.sqrt(1 / n),                              # Xavier's for equal sizes
            lambda n, a=0.0: 2 / n,                                         # the variance
            lambda n, a=0.0: math.sqrt(2 / n),                              # slope ignored
            lambda n, a=0.0: math.sqrt(2 / ((1 + a) * n))],                 # slope not squared
    "3.3": [average_of_gradients, with_the_old_velocity,
            lambda w, gradients, rate, momentum: w - rate * sum(gradients),                     # plain SGD
            lambda w, gradients, rate, momentum: w - rate * sum(gradients) / (1 - momentum)],   # its limit
    "3.4": [counts_rises, last_seen, equal_counts_as_better, one_too_patient,
            lambda losses, patience: losses.index(min(losses))],            # looks into the future
}
