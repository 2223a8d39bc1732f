"""Layers whose channels come in pairs: what one makes of an image, its partner makes of the mirror image.

The partner's filters are the first one's, mirrored, so a training step learns from both images at the price of one. It
is the group convolution of Cohen & Welling (2016, arXiv:1602.07576) for a group of two: mirror, or do not.
"""
import torch
import torch.nn.functional as F
from torch import nn

from labkit.language import _
from labkit.settings import refuse


def partners(filters: torch.Tensor) -> torch.Tensor:
    """For each of `filters` (count, channels, height, width), the index of the one most like its mirror image."""
    return (filters.flip(3).flatten(1) @ filters.flatten(1).T).argmax(1)


class MirroredConv(nn.Conv2d):
    """A convolution to `width` channels; only the filters of the first half of them are its weights.

    Those of the second half are their mirror images: flipped, and each input channel's weights given to its partner,
    the channel that holds the same of the mirror image. `partners` (channels,) says which that is; without it, the
    halves of the input are partners. Raises `SettingError` for an odd width.
    """

    def __init__(self, channels: int, width: int, partners: torch.Tensor | None = None, size: int = 3, stride: int = 1):
        if width % 2:
            raise refuse("width", width, _("an even number"))
        super().__init__(channels, width // 2, size, stride, padding=1, bias=False)
        self.register_buffer("partners", torch.arange(channels).roll(channels // 2) if partners is None else partners)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mirrored = self.weight.flip(3).index_select(1, self.partners)
        return F.conv2d(x, torch.cat([self.weight, mirrored]), stride=self.stride, padding=self.padding)


class MirroredNorm(nn.BatchNorm2d):
    """Batch normalisation of `width` channels with one mean and one deviation for each and its partner, halves again.

    `settings` are those of `torch.nn.BatchNorm2d`.
    """

    def __init__(self, width: int, **settings):
        super().__init__(width // 2, **settings)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halves = x.unflatten(1, (2, -1)).movedim(1, -1)     # with channels last, all of these are views
        return super().forward(halves.flatten(3)).unflatten(3, (-1, 2)).movedim(-1, 1).flatten(1, 2)


def larger_of_pairs(features: torch.Tensor) -> torch.Tensor:
    """Of `features` (N, width) the larger of each pair, (N, width / 2): an image and its mirror image have the same."""
    return features.unflatten(1, (2, -1)).amax(1)
