"""Networks for images made of equal blocks: with skips and without, and the block of EfficientNet.

He et al. (2016) asked why a deeper plain network has a *higher training error*. Both of their kinds have batch
normalisation behind every convolution and weights of He's scale, so that neither vanishing activations nor a bad start
explains it; they differ in the skip alone. So do these.
"""
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from labkit.language import _
from labkit.models.dense import initialise
from labkit.settings import refuse


class ConvBlock(nn.Module):
    """Two 3 × 3 convolutions, each with batch normalisation; `skip` adds the block's input before the last ReLU.

    Takes and returns (N, width, height, width of the image): the block of He et al. (2016), figure 2, whose skip has no
    weights. The last normalisation starts at 1 like all others: a start at 0, common today, would favour the skip.
    """

    def __init__(self, width: int, skip: bool = True):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.skip = skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(x + change if self.skip else change)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a number from 0 to 1 that depends on the means of all channels (Hu et al. 2018)."""

    def __init__(self, width: int, squeezed: int):
        super().__init__()
        self.squeeze = nn.Conv2d(width, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * self.excite(F.silu(self.squeeze(means))).sigmoid()


class EfficientBlock(nn.Module):
    """The block of EfficientNet (Tan & Le 2019), an inverted residual: wide inside, narrow at both ends.

    A 1 × 1 convolution widens `width` channels `expansion` times, a depthwise 3 × 3 convolution looks at each channel
    by itself, squeeze-and-excitation to a quarter of `width` weighs the channels, and a 1 × 1 convolution makes them
    narrow again. The skip joins the narrow ends.
    """

    def __init__(self, width: int, expansion: int = 4):
        super().__init__()
        inner = width * expansion
        self.expand = nn.Conv2d(width, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.depthwise = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.attend = SqueezeExcitation(inner, max(1, width // 4))
        self.project = nn.Conv2d(inner, width, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.silu(self.norm2(self.depthwise(F.silu(self.norm1(self.expand(x))))))
        return x + self.norm3(self.project(self.attend(inner)))


class BlockNet(nn.Module):
    """A convolution with stride 2, `blocks` equal blocks, the mean over all pixels, and one dense layer.

    block       builds a block from the number of its channels: `ConvBlock`, `EfficientBlock` or a function
    width       channels of every block

    Takes images (N, channels, height, width), returns logits (N, classes). Weights have He's scale, biases are 0.
    """

    def __init__(self, block: Callable[[int], nn.Module], blocks: int, width: int, channels: int = 1,
                 classes: int = 10):
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(*[block(width) for _block in range(blocks)])
        self.dense = nn.Linear(width, classes)
        initialise(self, "he")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.blocks(F.relu(self.norm(self.stem(images))))
        return self.dense(x.mean(dim=(2, 3)))


class ResidualNet(BlockNet):
    """`BlockNet` of `depth` layers with weights: the first convolution, two in each `ConvBlock`, and the dense layer.

    `skips=False` gives the plain network of the same depth, with the same weights at the same seed.
    Raises `SettingError` for a depth that is odd or below 4.
    """

    def __init__(self, depth: int = 20, width: int = 16, skips: bool = True, channels: int = 1, classes: int = 10):
        if not isinstance(depth, int) or depth < 4 or depth % 2:
            raise refuse("depth", depth, _("an even number of at least 4"))
        super().__init__(lambda channels: ConvBlock(channels, skips), (depth - 2) // 2, width, channels, classes)


def flops(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Floating-point operations for one input of this shape, without the batch: those of convolutions and products.

    A multiplication with its addition counts as two, as `torch.utils.flop_counter` counts them.
    """
    inputs = torch.zeros(1, *shape, device=next(model.parameters()).device)
    was_training = model.training
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.eval()(inputs)
    model.train(was_training)
    return counter.get_total_flops()
