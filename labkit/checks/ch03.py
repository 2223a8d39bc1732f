"""Checks of chapter 3: a layer's backward pass, He's scale, momentum, and when to stop."""
import math

import numpy as np

from labkit.checks.framework import exercise
from labkit.language import _


def _normal(draw, *shape) -> np.ndarray:
    return np.array([draw.gauss(0, 1) for _number in range(math.prod(shape))]).reshape(shape)


def _layers(draw):
    yield np.array([[1.0, 2.0]]), np.array([[0.5, -1.0, 0.0], [0.25, 0.5, -1.0]]), np.array([[1.0, 1.0, 1.0]])
    for _case in range(5):
        examples, inputs, outputs = draw.randint(2, 6), draw.randint(2, 5), draw.randint(2, 5)
        yield _normal(draw, examples, inputs), _normal(draw, inputs, outputs), _normal(draw, examples, outputs)


@exercise("3.1", _layers, lambda: (
    _("Go backwards through two lines: ReLU, then the product. What does each hand to the one before?"),
    _("ReLU lets the gradient through where its input was above 0, and stops it elsewhere."),
    _("W[i, j] multiplies x[n, i] in every example n, so add over the examples: x.T @ (the gradient behind ReLU)."),
))
def weight_gradient(x, W, upstream):
    """The gradient of the loss for the weights of a layer h = relu(x @ W).

    Arrays: x (examples, inputs), W (inputs, outputs), and upstream = dL/dh (examples, outputs). Return the shape of W.
    """
    return x.T @ (upstream * (x @ W > 0))


def _fans(draw):
    yield 784,
    yield 128, 0.0
    yield 128, 0.2
    yield 64, 1.0           # no kink at all: a linear layer
    yield from ((draw.randint(1, 4096), draw.choice((0.0, 0.01, 0.1, 0.5))) for _case in range(10))


@exercise("3.2", _fans, lambda: (
    _("The output of a unit adds up `inputs` products. How does the variance of a sum grow with the number of terms?"),
    _("ReLU halves the mean square of what passes it, since it sets one half to 0: so each weight needs the variance "
      "2 / inputs."),
    _("Leaky ReLU keeps slope² of the mean square of the other half, so 1 + slope² takes the place of 1. "
      "The scale is a standard deviation: take the root."),
))
def he_scale(inputs, slope=0.0):
    """The standard deviation of weights that keeps the mean square of the signal, through ReLU or leaky ReLU.

    `inputs` counts the inputs of a unit; `slope` is leaky ReLU's for negative inputs. `he_scale(128)` is 0.125.
    """
    return math.sqrt(2 / ((1 + slope ** 2) * inputs))


def _descents(draw):
    yield 1.0, [2.0], 0.1, 0.9
    yield 1.0, [2.0, 2.0, 2.0], 0.1, 0.9
    yield 0.0, [1.0, 0.0, 0.0], 0.5, 0.5
    yield 3.0, [1.0, -1.0, 2.0], 0.1, 0.0
    for _case in range(8):
        gradients = [draw.gauss(0, 1) for _step in range(draw.randint(2, 10))]
        yield draw.gauss(0, 1), gradients, draw.choice((0.01, 0.1, 0.3)), draw.choice((0.5, 0.9, 0.99))


@exercise("3.3", _descents, lambda: (
    _("Keep a velocity beside the weight. It starts at 0 and outlives the step."),
    _("In each step the velocity becomes momentum × velocity + gradient, as in torch: the gradient is not multiplied "
      "by 1 - momentum."),
    _("Then the weight moves by -learning_rate × velocity, with the velocity just computed."),
))
def momentum_steps(weight, gradients, learning_rate, momentum):
    """The weight after one step of SGD with momentum for each of `gradients` (a list of numbers), as torch does it."""
    velocity = 0.0
    for gradient in gradients:
        velocity = momentum * velocity + gradient
        weight = weight - learning_rate * velocity
    return weight


def _curves(draw):
    yield [0.9, 0.7, 0.6, 0.65, 0.7, 0.5], 2
    yield [0.9, 0.7, 0.6, 0.65, 0.7, 0.5], 3
    yield [0.5, 0.6, 0.4, 0.5, 0.45, 0.3], 2
    yield [3.0, 2.0, 1.0], 1
    yield [1.0, 1.0, 0.5], 1            # a loss that is as low as the best is not lower
    for _case in range(8):
        yield [draw.randint(1, 9) / 10 for _step in range(draw.randint(3, 15))], draw.randint(1, 4)


@exercise("3.4", _curves, lambda: (
    _("Go through the losses and remember two things: the lowest so far, and how long ago it was."),
    _("Compare with the best loss, not with the one before: 0.7 after 0.8 is no progress if there was a 0.6."),
    _("Stop when `patience` validations in a row were not below the best. Then return the place of the best, counted "
      "from 0; at the end of the list return it too."),
))
def best_before_stop(losses, patience):
    """The index of the lowest loss that early stopping has seen when it ends.

    It ends after `patience` validations in a row without a loss below the best so far, or with the list: in
    `best_before_stop([0.9, 0.7, 0.6, 0.65, 0.7, 0.5], 2)` the 0.5 is never reached, so it is 2.
    """
    best = 0
    for index, loss in enumerate(losses):
        if loss < losses[best]:
            best = index
        elif index - best >= patience:
            break
    return best
