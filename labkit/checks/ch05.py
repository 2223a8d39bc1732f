"""Checks of chapter 5: counting parameters and steps, the floor of a misread loss, a confusion matrix."""
import math

import torch

from labkit.checks.framework import exercise
from labkit.language import _


def _layers(draw):
    yield 3, 32, 3
    yield 3, 32, 3, False
    yield 1, 1, 1
    yield from ((draw.randint(1, 256), draw.randint(1, 256), draw.randint(1, 7), draw.random() < 0.5)
                for _case in range(10))


@exercise("5.1", _layers, lambda: (
    _("One filter makes one output channel, and it looks at every input channel."),
    _("A filter has kernel_size × kernel_size weights for each input channel. "
      "The size of the image plays no part."),
    _("With bias, each filter has one number more, whatever the number of its weights."),
))
def conv_parameters(in_channels, out_channels, kernel_size, bias=True):
    """The number of parameters of a convolution with a square kernel.

    `conv_parameters(3, 32, 3)` is 896, the first layer of the document's network.
    """
    return out_channels * (in_channels * kernel_size ** 2 + bool(bias))


def _epochs(draw):
    yield 50_000, 0.1, 32
    yield 50_000, 0.0, 32
    yield 45_000, 0.0, 45_000
    yield 100, 0.1, 1_000
    yield 1_000, 0.9, 33        # 1 - 0.9 is 0.09999999999999998: cutting instead of rounding loses an image
    for _case in range(10):
        share, batch_size = draw.choice((0.05, 0.1, 0.15, 0.2, 0.25)), draw.choice((16, 32, 100, 128))
        yield draw.randint(5, 600) * 100, share, batch_size


@exercise("5.2", _epochs, lambda: (
    _("Take the validation images away first: they are never trained on."),
    _("The last batch of an epoch may be smaller than the others. It is a step too."),
    _("0.1 has no exact binary form, so round the number of validation images to the nearest whole one: "
      "int() would cut, and can lose an image. For the steps, math.ceil rounds up."),
))
def steps_per_epoch(images, validation_share, batch_size):
    """The steps of one epoch, when round(images * validation_share) images are kept for validation.

    Training gets the rest, and a last, smaller batch counts: `steps_per_epoch(50_000, 0.1, 32)` is 1407.
    """
    return math.ceil((images - round(images * validation_share)) / batch_size)


def _class_counts(draw):
    yield 10,
    yield 2,
    yield 1,
    yield from ((draw.randint(3, 1_000),) for _case in range(10))


@exercise("5.3", _class_counts, lambda: (
    _("Probabilities lie between 0 and 1. What does a perfect answer look like?"),
    _("The best is 1 for the right class and 0 for all others. "
      "The loss takes these for logits and applies softmax to them."),
    _("The softmax of the right class is e / (e + classes - 1), since e to the power of 0 is 1. "
      "The loss is minus the natural logarithm of that."),
))
def loss_floor(classes):
    """The lowest cross entropy, in nats, when softmax probabilities go into a loss that expects logits.

    For 10 classes it is about 1.4612.
    """
    return math.log(math.e + classes - 1) - 1


def _labels(draw):
    def of(labels):
        return torch.tensor(labels)
    yield of([0, 0, 1, 2]), of([0, 1, 1, 0]), 3
    yield of([1]), of([1]), 4                     # classes that never occur have rows and columns too
    for _case in range(5):
        classes, count = draw.randint(2, 6), draw.randint(1, 30)
        yield of(draw.choices(range(classes), k=count)), of(draw.choices(range(classes), k=count)), classes


@exercise("5.4", _labels, lambda: (
    _("Start with a matrix of zeros, classes × classes. Each example adds 1 to one cell."),
    _("The row is the actual class, the column the predicted one: targets come first."),
    _("The size comes from classes, not from the labels that happen to occur. "
      "torch.bincount of targets * classes + predictions, with minlength, counts all cells at once."),
))
def confusion(targets, predictions, classes):
    """The confusion matrix: in row i and column j, how many examples of class i were called j.

    Targets and predictions are int64 tensors of shape (examples,). Return a tensor, an array or nested lists.
    """
    return torch.bincount(targets * classes + predictions, minlength=classes ** 2).reshape(classes, classes)
