"""What a run says when its loss is no longer a number."""
import torch
from torch import nn

from labkit.language import _


class TrainingError(RuntimeError):
    """A run that cannot go on: the message says where it stood, why, and what to try."""


def not_finite(model: nn.Module, loss: float, step: int, learning_rate: float, kept: object,
               advice: float) -> TrainingError:
    """The error for a loss that is not finite at `step`, with the largest gradient that is left in `model`.

    `kept` is the last good checkpoint, or None; `advice` a learning rate to try.
    """
    finite = {name: weight.grad[weight.grad.isfinite()].abs().max().item()
              for name, weight in model.named_parameters()
              if isinstance(weight.grad, torch.Tensor) and weight.grad.isfinite().any()}
    name = max(finite, key=finite.get, default=None)
    largest = _("none that is finite")
    if name is not None:
        largest = _("{value:.3g}, in {name}").format(value=finite[name], name=name)
    return TrainingError(_(
        "The loss became {loss} at step {step}, with learning rate {rate:g}. Largest gradient before it: "
        "{largest}. The curve up to there is in run.history; last good checkpoint: {kept}. Try a learning "
        "rate of {advice:g}, or look for inputs that are not finite.").format(
            loss=loss, step=step, rate=learning_rate, largest=largest, kept=kept or _("none"), advice=advice))
