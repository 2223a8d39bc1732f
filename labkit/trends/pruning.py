"""Weights that are taken out: single ones, which leaves the shape, or whole channels, which leaves a smaller network.

What is removed is what is smallest, by torch.nn.utils.prune: single weights by size over the whole network (Han et
al. 2015), channels by the length of their filter in each layer (Li et al. 2017). Networks are `SmallCNN`s.
"""
import copy

import torch
from torch import nn
from torch.nn.utils import prune

from labkit.language import _
from labkit.models.vision import SmallCNN
from labkit.settings import refuse

LAYERS = ("conv1", "conv2", "dense")
BLOCK = 16      # inputs of the dense layer that come from one channel


def weights(model: SmallCNN, share: float) -> SmallCNN:
    """A copy whose smallest weights, `share` of them all, are held at 0 by masks while it is trained; see `settle`."""
    _check(share)
    model = copy.deepcopy(model).to(memory_format=torch.contiguous_format)     # as torch's pruning expects them
    places = [(getattr(model, name), "weight") for name in LAYERS]
    prune.global_unstructured(places, prune.L1Unstructured, amount=share)
    return model


def settle(model: nn.Module) -> nn.Module:
    """The model itself, with plain weights in place of masked ones: 0 where they were pruned."""
    for module in model.modules():
        for name in ("weight", "bias"):
            if hasattr(module, f"{name}_mask"):
                prune.remove(module, name)
    return model


def width_left(model: SmallCNN, share: float) -> int:
    """Filters that the first convolution keeps when `share` of them go: at least one."""
    return max(1, round((1 - _check(share)) * model.conv1.out_channels))


def masked(model: SmallCNN, share: float) -> SmallCNN:
    """A copy in which `share` of the channels of both convolutions are held at 0, bias included.

    It has the shape of `model`, so it takes as long: `channels` makes it smaller.
    """
    model, width = copy.deepcopy(model), width_left(model, share)
    for layer, kept in ((model.conv1, width), (model.conv2, 2 * width)):
        prune.ln_structured(layer, "weight", layer.out_channels - kept, n=2, dim=0)
        prune.custom_from_mask(layer, "bias", layer.weight_mask.amax((1, 2, 3)))
    return model


def channels(model: SmallCNN, share: float) -> SmallCNN:
    """A network of the width that is left, which computes what `masked` does: its weights are slices of `model`'s."""
    pruned = masked(model, share)
    first, second = (layer.bias_mask.bool() for layer in (pruned.conv1, pruned.conv2))
    pruned = settle(pruned)
    with torch.random.fork_rng(devices=[]):         # what a new network draws is overwritten below
        small = SmallCNN(int(first.sum()), pruned.conv1.in_channels, pruned.dense.out_features, pruned.dropout.p)
    rows = second.repeat_interleave(BLOCK)
    small.load_state_dict({
        "conv1.weight": pruned.conv1.weight[first], "conv1.bias": pruned.conv1.bias[first],
        "conv2.weight": pruned.conv2.weight[second][:, first], "conv2.bias": pruned.conv2.bias[second],
        "dense.weight": pruned.dense.weight[:, rows], "dense.bias": pruned.dense.bias})
    return small


def zeros(model: nn.Module) -> float:
    """The share of its weights and biases that are exactly 0."""
    values = torch.cat([value.detach().flatten() for value in model.parameters()])
    return (values == 0).double().mean().item()


def _check(share: float) -> float:
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise refuse("share", share, _("a number of at least 0 and below 1"))
    return float(share)
