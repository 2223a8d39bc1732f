"""The loss of a batch and how much of it is right, by what the targets are.

targets                     outputs                     loss
(N,) int64, classes         (N, classes) logits         cross entropy in nats, mean over examples
(N, T) int64, tokens        (N, T, vocabulary) logits   cross entropy in nats, mean over tokens that are not IGNORED
floats, of any shape        the same shape              mean squared error; nothing is counted as right
"""
import torch
import torch.nn.functional as F

IGNORED = -100      # the target of a token that does not count: padding, or one that was not masked


def mean_loss(outputs: torch.Tensor, targets: torch.Tensor, label_smoothing: float = 0.0,
              reduction: str = "mean") -> torch.Tensor:
    """The loss as a tensor of no dimensions; `reduction="sum"` adds up what `count` counts.

    With classes, `reduction="none"` gives the loss of each example, (N,).
    """
    if targets.is_floating_point():
        if reduction == "sum":      # so that divided by the examples it is the mean over all numbers
            return (outputs - targets).square().sum() * (len(targets) / targets.numel())
        return F.mse_loss(outputs, targets)
    if targets.ndim > 1:
        outputs, targets = outputs.flatten(0, 1), targets.flatten()
    return F.cross_entropy(outputs, targets, label_smoothing=label_smoothing, reduction=reduction)


def correct(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How many of the targets the largest logit names; NaN for numbers, which are never right or wrong."""
    if targets.is_floating_point():
        return outputs.new_full((), float("nan"))
    return (outputs.argmax(dim=-1) == targets).sum()


def count(targets: torch.Tensor) -> int | torch.Tensor:
    """What the mean is taken over: examples, or the tokens that are not IGNORED (a tensor, on the device)."""
    if targets.ndim == 1 or targets.is_floating_point():
        return len(targets)
    return (targets != IGNORED).sum()
