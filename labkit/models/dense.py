"""A network of dense layers, the scales that it can start from, and how far a signal gets in it."""
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from labkit.language import _
from labkit.settings import refuse


class MLP(nn.Module):
    """Dense layers with ReLU between them: `MLP(784, 128, 128, 10)`.

    Takes inputs (N, ...), flattened to the first size, and returns (N, last size) without an activation.
    `batch_norm` normalises each hidden layer before its ReLU (Ioffe & Szegedy 2015).
    """

    def __init__(self, *sizes: int, batch_norm: bool = False):
        super().__init__()
        if len(sizes) < 2:
            raise refuse("sizes", sizes, _("at least two numbers: inputs and outputs"))
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) if batch_norm else nn.Identity() for size in sizes[1:-1])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.hidden(inputs)[-1]

    def hidden(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """What each layer gives out, hidden layers after their ReLU, the last one as it is."""
        outputs = [inputs.flatten(1)]
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            outputs.append(F.relu(norm(layer(outputs[-1]))))
        return [*outputs[1:], self.layers[-1](outputs[-1])]


def initialise(model: nn.Module, scale: float | str) -> nn.Module:
    """Draw the weights of all linear and convolution layers anew, set their biases to 0, and return `model`.

    `scale` is the standard deviation of normal weights (0: all zero), "xavier" (Glorot & Bengio 2010: variance
    2 / (inputs + outputs)) or "he" (He et al. 2015: variance 2 / inputs). Raises `SettingError` for another.
    """
    number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not (number and 0 <= scale < float("inf") or scale in ("xavier", "he")):
        raise refuse("scale", scale, _("a number of at least 0, xavier, he"))
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            if scale == "xavier":
                nn.init.xavier_normal_(layer.weight)
            elif scale == "he":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.normal_(layer.weight, std=scale)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


def signal_sizes(model: MLP, inputs: torch.Tensor, targets: torch.Tensor) -> dict[str, list[float]]:
    """How large the signal is in each layer of `model`, on its way forward and on its way back.

    `activations` is the root mean square of each hidden layer's output, `gradients` the norm of the loss's
    gradient with respect to it (both hidden layers only), `weights` the norm of the gradient of each layer's weights.
    """
    outputs = model.hidden(inputs)
    loss = F.cross_entropy(outputs[-1], targets)
    weights = [layer.weight for layer in model.layers]
    gradients = torch.autograd.grad(loss, [*outputs[:-1], *weights])
    hidden = len(outputs) - 1
    return {"activations": [output.detach().double().square().mean().sqrt().item() for output in outputs[:-1]],
            "gradients": [gradient.double().norm().item() for gradient in gradients[:hidden]],
            "weights": [gradient.double().norm().item() for gradient in gradients[hidden:]]}
