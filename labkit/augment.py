"""Augmentation of a batch of images on its device: the same picture, seen a little differently each time.

The affine warp and the colour jitter are kornia's functions (kornia 0.9), which take one value per image.
Flip, shift, noise and cutout are a few lines of torch each, since kornia's modules for them took 2 to 7 times
as long on a batch of 32. All together take about 2 ms for 32 images of 32x32x3 on one core; so far run on the
CPU only.

Sources: random crop with padding and flips as in He et al. 2016 (arXiv:1512.03385); colour jitter as in
Pillow's ImageEnhance; cutout as in DeVries and Taylor 2017 (arXiv:1708.04552), here always a whole square.
"""
from dataclasses import dataclass
from numbers import Integral, Real

import torch
import torch.nn.functional as F
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_saturation_with_gray_subtraction,
)
from kornia.geometry import get_rotation_matrix2d, warp_affine

from labkit.language import _
from labkit.settings import refuse

LARGEST = {"flip": 1.0, "rotate": 180, "scale": 0.5, "crop": 16, "colour": 1.0, "noise": 0.5, "cutout": 0.75}
OPERATIONS = tuple(LARGEST)


@dataclass(frozen=True, repr=False)
class Augmentation:
    """Random changes to images, drawn anew for each image; every operation is off (0) by default.

    `flip`    probability that an image is mirrored left to right, 0 to 1
    `rotate`  largest angle in degrees, drawn from -rotate to rotate, 0 to 180
    `scale`   zoom drawn from 1 - scale to 1 + scale, 0 to 0.5
    `crop`    largest shift in pixels each way, black moving in (a random crop after padding), 0 to 16
    `colour`  brightness, contrast and, with 3 channels, saturation, times 1 - colour to 1 + colour, 0 to 1
    `noise`   standard deviation of Gaussian noise, 0 to 0.5
    `cutout`  side of one blackened square as a share of the shorter side of the image, 0 to 0.75

    An `Augmentation` is called with images (N, channels, height, width), floating point in 0..1, and returns
    images of the same shape, dtype and device. Operations apply in the order above. Each draws from a
    generator of its own, so that changing one leaves what the others do as it was; and a draw is scaled by
    the setting, so that a larger setting moves the same picture further. Raises `SettingError` for a value
    out of its range or of the wrong type, and for images of another shape or dtype.
    """
    flip: float = 0
    rotate: float = 0
    scale: float = 0
    crop: int = 0
    colour: float = 0
    noise: float = 0
    cutout: float = 0

    def __post_init__(self):
        for name, largest in LARGEST.items():
            value, whole = getattr(self, name), name == "crop"
            number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
            if not number or not 0 <= value <= largest:       # NaN fails the comparison too
                raise refuse(name, value, (_("a whole number from 0 to {largest}") if whole else
                                           _("a number from 0 to {largest}")).format(largest=largest),
                             _("0 turns it off."))

    def __repr__(self) -> str:
        """The code that makes this object: `Augmentation(flip=0.5, crop=4)`."""
        on = [f"{name}={getattr(self, name)}" for name in OPERATIONS if getattr(self, name)]
        return f"Augmentation({', '.join(on)})"

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Augment with a seed drawn from torch's global CPU generator: one number, whatever is on."""
        return self.apply(images, int(torch.randint(2**62, ())))

    def apply(self, images: torch.Tensor, seed: int) -> torch.Tensor:
        """Augment with a given seed. torch's global generators are neither read nor changed."""
        if images.ndim != 4 or not images.is_floating_point():
            raise refuse("images", f"{tuple(images.shape)} {images.dtype}",
                         _("floating point of shape (N, channels, height, width)"),
                         _("labkit.evaluation.as_float turns uint8 images into such numbers."))
        x = images.float()              # a warp in half precision would misplace pixels
        count, channels, height, width = x.shape

        def generator(name: str, device="cpu") -> torch.Generator:
            return torch.Generator(device).manual_seed(seed + OPERATIONS.index(name))

        def draw(name: str, rows: int = 1) -> torch.Tensor:     # (rows, N) numbers, 0 <= number < 1
            # Drawn on the CPU, so that every device gets the same numbers.
            return torch.rand(rows, count, generator=generator(name)).to(x.device)

        if self.flip:
            x = torch.where((draw("flip")[0] < self.flip).view(-1, 1, 1, 1), x.flip(-1), x)
        if self.rotate or self.scale:
            centre = torch.tensor([[(width - 1) / 2, (height - 1) / 2]], device=x.device).expand(count, 2)
            angle = self.rotate * (2 * draw("rotate")[0] - 1)
            zoom = 1 + self.scale * (2 * draw("scale")[0] - 1)
            matrix = get_rotation_matrix2d(centre, angle, zoom[:, None].expand(count, 2))
            x = warp_affine(x, matrix, (height, width))
        if self.crop:
            windows = F.pad(x, [self.crop] * 4).unfold(2, height, 1).unfold(3, width, 1)
            top, left = (draw("crop", 2) * (2 * self.crop + 1)).long()
            x = windows[torch.arange(count, device=x.device), :, top, left]
        if self.colour:
            brightness, contrast, saturation = 1 + self.colour * (2 * draw("colour", 3) - 1)
            x = adjust_brightness_accumulative(x, brightness)
            x = adjust_contrast_with_mean_subtraction(x, contrast)
            if channels == 3:
                x = adjust_saturation_with_gray_subtraction(x, saturation)
        if self.noise:
            noise = torch.randn(x.shape, generator=generator("noise", x.device), device=x.device)
            x = (x + self.noise * noise).clamp(0, 1)
        if self.cutout:
            side = max(1, round(self.cutout * min(height, width)))
            top, left = draw("cutout", 2)[:, :, None]
            rows = torch.arange(height, device=x.device) - (top * (height - side + 1)).floor()
            columns = torch.arange(width, device=x.device) - (left * (width - side + 1)).floor()
            inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None]
            x = x.masked_fill(inside[:, None], 0)
        return x.to(images.dtype)
