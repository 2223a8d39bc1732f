"""What a loop over a run is given."""
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step, counted from 1. `loss` is a tensor of no dimensions on the device: float() reads it.

    The validation figures are None except after a step that ended with a validation.
    """
    index: int
    total: int
    epoch: int
    loss: torch.Tensor
    learning_rate: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
