"""Multilayer perceptrons of equal parameter count: deeper ones are narrower."""
import math
from numbers import Integral

from labkit.language import _
from labkit.models.dense import MLP, initialise
from labkit.settings import refuse


def width_for(parameters: int, depth: int, inputs: int, outputs: int) -> int:
    """The width of the widest `MLP` with `depth` hidden layers of equal width and at most so many parameters.

    With w for the width they are w (inputs + 1) + (depth - 1) w (w + 1) + outputs (w + 1): a quadratic equation in w,
    a linear one where depth is 1. Raises `SettingError` if not even one unit fits.
    """
    if isinstance(parameters, bool) or not isinstance(parameters, Integral):
        raise refuse("parameters", parameters, _("a whole number"))
    a, b, c = depth - 1, inputs + depth + outputs, outputs - parameters
    width = -c / b if a == 0 else (math.sqrt(max(0, b * b - 4 * a * c)) - b) / (2 * a)
    if depth < 1 or width < 1:
        raise refuse("parameters", parameters, _("enough for {depth} layers of one unit").format(depth=depth))
    return int(width + 1e-9)


def mlp(parameters: int, depth: int, inputs: int, outputs: int) -> MLP:
    """That network, with He-normal weights and zero biases, so that a deep one can be trained too."""
    width = width_for(parameters, depth, inputs, outputs)
    return initialise(MLP(inputs, *[width] * depth, outputs), "he")
