"""A U-Net in miniature: an answer for each pixel (Ronneberger, Fischer & Brox 2015)."""
import torch
import torch.nn.functional as F
from torch import nn

from labkit.language import _
from labkit.settings import refuse


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions that keep height and width."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                         nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(nn.Module):
    """Down twice by pooling, up twice, with a skip at each resolution.

    Takes images (N, channels, height, width), both divisible by 4, and returns logits (N, height · width, classes), row
    by row, the form in which `Run` takes targets (N, height · width). `skips=False` gives the decoder zeros in place
    of what the encoder saw at its resolution.
    """

    def __init__(self, width: int = 8, channels: int = 1, classes: int = 2, skips: bool = True):
        super().__init__()
        self.fine, self.middle = _block(channels, width), _block(width, 2 * width)
        self.coarse = _block(2 * width, 4 * width)
        self.up_middle, self.up_fine = _block(6 * width, 2 * width), _block(3 * width, width)
        self.output = nn.Conv2d(width, classes, 1)
        self.skips = skips

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[2] % 4 or images.shape[3] % 4:
            raise refuse("images.shape", tuple(images.shape), _("a height and a width divisible by 4"))
        fine = self.fine(images)
        middle = self.middle(F.max_pool2d(fine, 2))
        x = self.coarse(F.max_pool2d(middle, 2))
        x = self.up_middle(self._joined(x, middle))
        x = self.up_fine(self._joined(x, fine))
        return self.output(x).flatten(2).mT

    def _joined(self, below: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        skip = beside if self.skips else torch.zeros_like(beside)
        return torch.cat([F.interpolate(below, scale_factor=2.0), skip], dim=1)
