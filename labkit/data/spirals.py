"""Two spirals: points of the plane that a straight line cannot tell apart (Lang & Witbrock 1988)."""
import hashlib
import math

import torch

from labkit.data.dataset import Dataset, Split


def spirals(examples: int = 1200, turns: float = 2.0, noise: float = 0.04, seed: int = 0) -> Dataset:
    """Points (N, 2) float32 of two arms that wind `turns` times around (0, 0), with targets 0 and 1 in equal numbers.

    The arms reach a radius of 1; `noise` is the standard deviation added to both coordinates. Half of the examples
    are for training, a quarter each for validation and test.
    """
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(examples) % 2
    radius = torch.rand(examples, generator=generator).sqrt()       # equally dense along the arm
    angle = 2 * math.pi * turns * radius + math.pi * targets
    points = radius[:, None] * torch.stack((angle.cos(), angle.sin()), 1)
    points += noise * torch.randn(examples, 2, generator=generator)
    ends = (0, examples // 2, examples // 4 * 3, examples)
    parts = [Split(points[a:b], targets[a:b]) for a, b in zip(ends, ends[1:], strict=False)]
    return Dataset("spirals", *parts, ("first arm", "second arm"), "made here", "labkit.data.spirals",
                   hashlib.sha256(points.numpy().tobytes()).hexdigest())
