"""Pictures of a network in training, as panels for a film. None of them changes the network or draws random numbers.

    film.add(step.index, boundary=lk.snapshots.decision_boundary(model, inputs, targets),
             filters=lk.snapshots.weights(model.convolution.weight),
             gradients=lk.panels.bars(lk.snapshots.gradient_sizes(model), log=True, y="size"))
"""
import contextlib
import dataclasses
import math

import numpy as np
import torch
from torch import nn

from labkit.language import _
from labkit.settings import refuse
from labkit.widgets import panels
from labkit.widgets.panels import Panel

SHAPES = "●▲■◆★✚▼✖"      # a mark for each class, told apart by shape
# One light colour for each class, from Okabe & Ito 2008, so that black marks stand out.
CLASS_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0),
                 (0, 114, 178), (160, 160, 160))
MOST_MARKS = 150


def decision_boundary(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, size: int = 64) -> Panel:
    """What `model` (N, 2) -> logits (N, classes) says at each point of a size × size grid around the `inputs`.

    Two classes: the softmax probability of class 1, half of it white. More (up to 8): the classes' colours mixed by
    their probabilities. `inputs` (N, 2) are drawn as marks, at most 150, whose shapes tell the `targets` (N,).
    """
    if inputs.ndim != 2 or inputs.shape[1] != 2 or len(inputs) != len(targets) or not len(inputs):
        raise refuse("inputs", tuple(inputs.shape), _("shape (N, 2), with one target for each point"))
    if size < 2:
        raise refuse("size", size, _("a whole number of at least 2"))
    low, high = inputs.amin(0).double(), inputs.amax(0).double()
    room = 0.08 * (high - low).clamp(min=1e-6)
    xs, ys = (torch.linspace(start, end, size)
              for start, end in zip((low - room).tolist(), (high + room).tolist(), strict=True))
    grid = torch.cartesian_prod(ys, xs).flip(1)          # row by row, from the lowest y
    with _evaluating(model), torch.no_grad():
        logits = model(grid.to(inputs.device, inputs.dtype))
    if logits.ndim != 2 or not 2 <= logits.shape[1] <= len(SHAPES):
        raise refuse("model(inputs).shape", tuple(logits.shape),
                     _("(N, classes), from 2 to {most} classes").format(most=len(SHAPES)))
    chances = logits.double().softmax(1).cpu().numpy().reshape(size, size, -1)
    every = -(-len(inputs) // MOST_MARKS)
    marks = [(x, y, SHAPES[target]) for (x, y), target in zip(inputs[::every].tolist(), targets[::every].tolist(),
                                                              strict=True)]
    key = "  ".join(f"{shape}\N{NO-BREAK SPACE}{number}" for number, shape in enumerate(SHAPES[:chances.shape[-1]]))
    place = {"marks": marks, "x_range": (float(xs[0]), float(xs[-1])), "y_range": (float(ys[0]), float(ys[-1]))}
    if chances.shape[-1] == 2:
        return panels.image(chances[..., 1], title=_("probability of class 1 · classes {key}").format(key=key),
                            low=0, high=1, colours="diverging", **place)
    mixed = chances @ np.array(CLASS_COLOURS[:chances.shape[-1]], "float64")
    return panels.image(mixed.round().astype("uint8").transpose(2, 0, 1), title=_("classes {key}").format(key=key),
                        **place)


def weights(weight: torch.Tensor) -> Panel:
    """A layer's weight: a matrix (out, in), or the filters of a convolution (out, in, h, w) side by side.

    Of a convolution over several channels, each filter is shown as its channels' mean. Zero is white.
    """
    if weight.ndim == 2:
        return panels.image(weight, colours="diverging")
    if weight.ndim != 4:
        raise refuse("weight", tuple(weight.shape), _("shape (out, in) or (out, in, height, width)"))
    return _tiled(weight.detach().mean(1), _("filter"), colours="diverging")


def gradient_sizes(model: nn.Module) -> dict[str, float]:
    """The Euclidean norm of each parameter's gradient; parameters without one are left out."""
    return {name: float(parameter.grad.detach().double().norm())
            for name, parameter in model.named_parameters() if parameter.grad is not None}


def heads(weights: torch.Tensor) -> Panel:
    """The attention of one layer, (heads, T, T): a tile for each head, a row for each token that looks."""
    if weights.ndim != 3:
        raise refuse("weights", tuple(weights.shape), _("shape (heads, T, T)"))
    return _tiled(weights.detach(), _("head"), colours="blue", low=0)


def _tiled(tiles: torch.Tensor, name: str, **look) -> Panel:
    """Tiles (N, height, width) in about a square, in full rows if possible, with an empty pixel between them."""
    count, height, width = tiles.shape
    side = math.ceil(count ** 0.5)
    full = (number for number in range(side, count + 1) if count % number == 0 and number ** 2 <= 3 * count)
    across = next(full, side)
    down = -(-count // across)
    sheet = torch.full((down * across, height + 1, width + 1), float("nan"), dtype=torch.float64)
    sheet[:count, :height, :width] = tiles.cpu()
    sheet = sheet.view(down, across, height + 1, width + 1).transpose(1, 2).reshape(
        down * (height + 1), across * (width + 1))
    panel = panels.image(sheet[:-1, :-1], **look)
    tile = {"name": name, "height": height, "width": width, "across": across, "count": count}
    return dataclasses.replace(panel, settings={**panel.settings, "tile": tile})


@contextlib.contextmanager
def _evaluating(model: nn.Module):
    """The model in evaluation mode; afterwards each of its modules is in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
