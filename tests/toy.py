"""A small data set and model for tests: two kinds of 8x8 images that a few steps tell apart."""
import torch
from torch import nn

from labkit.data.dataset import Dataset, Split


def toy_dataset(train: int = 96, validation: int = 32, classes: int = 3) -> Dataset:
    """Noise whose brightness in one of three rows of pixels gives the class."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        targets = torch.arange(count) % classes
        images = torch.randint(0, 120, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
        for image, target in zip(images, targets, strict=True):
            image[:, 2 * int(target)] += 100
        return Split(images, targets)
    return Dataset("toy", split(train), split(validation), split(validation), ("a", "b", "c"), "none", "made here",
                   "")


def random_cifar(train: int) -> Dataset:
    """Random images in the form of CIFAR-10, with 20 to validate and 20 to test."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        return Split(torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator),
                     torch.arange(count) % 10)
    return Dataset("cifar10", split(train), split(20), split(20), tuple("abcdefghij"), "none", "here", "0" * 64,
                   "made up")


class ToyNet(nn.Module):
    """One convolution, dropout and a dense layer, so that a step draws random numbers."""

    def __init__(self, dropout: float = 0.1, classes: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(4 * 36, classes)

    def forward(self, images):
        return self.dense(self.dropout(self.conv(images).relu().flatten(1)))
