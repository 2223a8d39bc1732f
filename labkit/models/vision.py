"""Networks for images: the document's program (section 5.2), a smaller one for live experiments, and a fast learner."""
import torch
import torch.nn.functional as F
from torch import nn

from labkit.evaluation import as_float
from labkit.models.mirrored import MirroredConv, MirroredNorm, larger_of_pairs, partners


def parameter_count(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


class DocumentCNN(nn.Module):
    """The network of the document's section 5.2: three convolutions and two dense layers.

    Takes images (N, channels, 32, 32) and returns logits (N, classes); 122,570 parameters for 3 channels
    and 10 classes. `softmax=True` returns probabilities instead, as the document's last layer does
    (claim C5.1). Weights are drawn as Keras draws them: Glorot-uniform, biases zero.
    """

    def __init__(self, channels: int = 3, classes: int = 10, softmax: bool = False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.dense1 = nn.Linear(64 * 4 * 4, 64)
        self.dense2 = nn.Linear(64, classes)
        self.softmax = softmax
        for name, values in self.named_parameters():
            nn.init.zeros_(values) if name.endswith("bias") else nn.init.xavier_uniform_(values)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # Pooling first gives the same numbers, since max and ReLU commute, with a quarter of the ReLU work.
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(x)).flatten(1)
        logits = self.dense2(F.relu(self.dense1(x)))
        return logits.softmax(dim=1) if self.softmax else logits


class SmallCNN(nn.Module):
    """Two convolutions of `width` and 2·`width` filters and one dense layer, for runs of a few seconds.

    Takes images (N, channels, height, width) of any size of at least 8 pixels; returns logits (N, classes).
    """

    def __init__(self, width: int = 16, channels: int = 3, classes: int = 10, dropout: float = 0.0):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(2 * width * 16, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.adaptive_max_pool2d(F.relu(self.conv2(x)), 4)
        return self.dense(self.dropout(x.flatten(1)))


def whitening(images: torch.Tensor, size: int, count: int) -> torch.Tensor:
    """Filters (count, channels, size, size) after which patches of float `images` (N, channels, H, W) and the patches'
    mirror images have a variance of one in each direction and none in common.

    They are the directions of largest variance, each divided by its standard deviation, and the same with the other
    sign: what is below the mean is kept by a ReLU too. From airbench (Jordan 2024, arXiv:2404.00498). The mirror image
    of each is itself or the one with the other sign.
    """
    patches = F.unfold(images, size, stride=3).transpose(1, 2).flatten(0, 1)
    covariance = torch.cov((patches - patches.mean(0)).T)
    mirror = torch.arange(len(covariance)).unflatten(0, (-1, size, size)).flip(2).flatten()
    variances, directions = torch.linalg.eigh((covariance + covariance[mirror][:, mirror]) / 2)
    variances, directions = variances.flip(0)[:count // 2], directions.flip(1)[:, :count // 2]
    filters = (directions / (variances + 5e-5).sqrt()).T.reshape(count // 2, -1, size, size)
    return torch.cat([filters, -filters])


class SpeedrunBlock(nn.Module):
    """A convolution to `width` channels, pooled if `pool` says so, and a second one whose result is added to it.

    `mirrored` gives it pairs of channels; `partners` are then those of its input, as in `MirroredConv`.
    """

    def __init__(self, channels: int, width: int, pool: bool, mirrored: bool = False,
                 partners: torch.Tensor | None = None):
        super().__init__()
        if mirrored:
            self.conv1, self.conv2 = MirroredConv(channels, width, partners), MirroredConv(width, width)
        else:
            self.conv1, self.conv2 = (nn.Conv2d(inputs, width, 3, padding=1, bias=False)
                                      for inputs in (channels, width))
        normalise = MirroredNorm if mirrored else nn.BatchNorm2d
        self.norm1, self.norm2 = (normalise(width, momentum=0.4) for _conv in range(2))     # few steps: a short memory
        self.pool = pool
        for conv, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            nn.init.dirac_(conv.weight.data[:conv.in_channels // (1 + mirrored)])   # the first filters pass it on
            norm.weight.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        x = F.relu(self.norm1(F.max_pool2d(x, 2) if self.pool else x))
        return x + F.relu(self.norm2(self.conv2(x)))


class SpeedrunCNN(nn.Module):
    """A network that learns CIFAR-10 in a minute: chapter 5's answer to the document's printed accuracy.

    Takes images (N, channels, height, width) with sides that 8 divides; returns logits (N, classes). The first layer
    looks at patches of 4 × 4 pixels at every second place, with filters that whiten `images` (uint8 or 0..1) and are
    not trained; without `images` they are random and trained. Then three blocks of `widths` at half, a quarter and an
    eighth of the size. Ideas from airbench (Jordan 2024) and hlb-CIFAR10, made narrow for a processor.

    Channels are in pairs (`labkit.models.mirrored`), so an image and its mirror image have the same logits, but for
    rounding. `mirrored=False` leaves all filters free: as much work, twice the weights.
    """

    def __init__(self, images: torch.Tensor | None = None, widths=(32, 64, 256), channels: int = 3, classes: int = 10,
                 patches: int = 48, mirrored: bool = True):
        super().__init__()
        mean, deviation = torch.full((2, channels, 1, 1), 0.5).unbind()
        paired = None       # the partners of patches
        if images is None and mirrored:
            self.patches = MirroredConv(channels, patches, torch.arange(channels), size=4, stride=2)
        else:
            self.patches = nn.Conv2d(channels, patches, 4, stride=2, padding=1, bias=False)
        if images is not None:
            images = as_float(images[:2000])
            mean, deviation = (found.view(-1, 1, 1) for found in (images.mean((0, 2, 3)), images.std((0, 2, 3))))
            self.patches.weight.data = whitening((images - mean) / deviation, 4, patches)
            self.patches.weight.requires_grad_(False)
            paired = partners(self.patches.weight.data)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        inputs = (patches, *widths[:-1])
        self.blocks = nn.Sequential(*(
            SpeedrunBlock(before, width, place > 0, mirrored, None if place else paired)
            for place, (before, width) in enumerate(zip(inputs, widths, strict=True))))
        self.mirrored = mirrored
        self.dense = nn.Linear(widths[-1] // (1 + mirrored), classes, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.patches((images - self.mean) / self.deviation))
        features = self.blocks(x).amax((2, 3))
        if self.mirrored:
            features = larger_of_pairs(features)
        return self.dense(features) / 9     # small logits at the start, as airbench has them
