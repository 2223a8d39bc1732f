"""A small network that learns from a large one's logits in place of labels.

The student minimises the squared distance of its logits from the teacher's (Ba & Caruana 2014). That is what Hinton et
al. (2015, section 2.1) arrive at when the softmax is softened more and more: at a high temperature the gradients of
their cross entropy are those of this distance, if logits have mean 0. Softmax does not see a number added to all
logits, so the teacher's are given mean 0.
"""
import dataclasses

import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict


def lesson(teacher: nn.Module, data: Dataset) -> Dataset:
    """`data` with the teacher's logits, of mean 0, as its targets: float32 (N, classes). No label is left in it."""
    def ask(split: Split) -> Split:
        logits = predict(teacher, split.inputs)
        return Split(split.inputs, logits - logits.mean(dim=1, keepdim=True))
    return dataclasses.replace(data, train=ask(data.train), validation=ask(data.validation), test=ask(data.test))


def soften(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Probabilities (N, classes) at a temperature: 1 is softmax, more brings them closer to one another."""
    return (logits / temperature).softmax(dim=-1)
