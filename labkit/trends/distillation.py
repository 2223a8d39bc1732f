"""A small network that learns what a large one answers, in place of labels.

The teacher's logits are divided by a temperature before the softmax, so that the student sees how the teacher ranks the
wrong classes too (Hinton et al. 2015). The student's are softened alike, and the squared distance of the two
probabilities is minimised: that is the loss that a `Run` has for numbers. Cross entropy, which Hinton et al. use, has
its minimum at the same place. With seed 100 both were tried on validation, each at several temperatures: their best
ended half a point apart, less than chance explains.
"""
import dataclasses
from collections.abc import Callable

import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict

TEMPERATURE = 3.0       # of 2, 3 and 4 the best on validation with seed 100, by less than chance explains


def soften(logits: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """Probabilities (N, classes) at a temperature: 1 is softmax, more brings them closer to one another."""
    return (logits / temperature).softmax(dim=-1)


def lesson(teacher: nn.Module, data: Dataset) -> Dataset:
    """`data` with the teacher's softened probabilities (N, classes) as its targets. No label is left in it."""
    def ask(split: Split) -> Split:
        return Split(split.inputs, soften(predict(teacher, split.inputs)))
    return dataclasses.replace(data, train=ask(data.train), validation=ask(data.validation), test=ask(data.test))


class Softened(nn.Module):
    """A `student` with the outputs that a lesson asks for: softened probabilities (N, classes).

    `student` is a module, or a function that builds one.
    """

    def __init__(self, student: nn.Module | Callable[[], nn.Module]):
        super().__init__()
        self.student = student if isinstance(student, nn.Module) else student()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return soften(self.student(images))
