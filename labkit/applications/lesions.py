"""A lesion in a noisy grey image, found pixel by pixel: generated images, a threshold, and a small U-Net.

The images are made here, so the outline is known exactly. They resemble no organ and no scanner: what is measured on
them is said of them alone.
"""
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.language import _
from labkit.settings import refuse

SIZE = 32                   # pixels along each side
HEALTHY = 0.3               # share of the images that hold no lesion
CONTRASTS = (0.12, 0.36)    # from the faintest to the clearest lesion; 1 is from black to white
SMALLEST = 12               # fewer marked pixels report no lesion; the smallest lesions have 27
FOUND = 0.25                # a lesion counts as missed where Dice is less


def generate(count: int, seed: int = 0, part: int = 0, contrasts: tuple[float, float] = CONTRASTS,
             noise: float = 0.06, texture: float = 0.06) -> tuple[np.ndarray, np.ndarray]:
    """`count` images, uint8 (N, 32, 32), and the masks of their lesions, bool (N, 32, 32).

    Each image has a slope of brightness, texture at two scales, and noise; `noise` and `texture` are standard
    deviations. A lesion is brighter by a contrast from `contrasts`, with a wavy outline and a soft edge, and a radius
    of 3 to 6.5 pixels. Each `part` of a seed has images of its own.
    """
    draw = np.random.default_rng((seed, part))
    row, column = np.mgrid[:SIZE, :SIZE].astype(float)
    slope, centre = draw.uniform(-0.15, 0.15, (2, count, 1, 1)), draw.uniform(8, SIZE - 9, (2, count, 1, 1))
    radius, phase = draw.uniform(3, 6.5, (count, 1, 1)), draw.uniform(0, 2 * np.pi, (2, count, 1, 1))
    contrast, present = draw.uniform(*contrasts, (count, 1, 1)), draw.random((count, 1, 1)) >= HEALTHY
    down, right = row - centre[0], column - centre[1]
    angle = np.arctan2(down, right)
    outline = radius * (1 + 0.2 * np.cos(2 * angle + phase[0]) + 0.12 * np.cos(3 * angle + phase[1]))
    inside = outline - np.hypot(down, right)
    images = 0.45 + slope[0] * (row / SIZE - 0.5) + slope[1] * (column / SIZE - 0.5)
    for width in (1, 3):
        grain = gaussian_filter(draw.standard_normal(images.shape), (0, width, width))
        images += texture * grain / grain.std()
    images += noise * draw.standard_normal(images.shape) + contrast * present / (1 + np.exp(-inside / 0.7))
    return (255 * images.clip(0, 1)).round().astype(np.uint8), present & (inside > 0)


def dataset(train: int, test: int, seed: int = 0) -> Dataset:
    """Images (N, 1, 32, 32) and a class for each pixel (N, 1024), 1 in the lesion; validation has as many as test."""
    parts = [generate(count, seed, part) for part, count in enumerate((train, test, test))]
    splits = [Split(torch.from_numpy(images[:, None]), torch.from_numpy(masks.reshape(len(masks), -1)).long())
              for images, masks in parts]
    digest = hashlib.sha256(b"".join(array.tobytes() for pair in parts for array in pair)).hexdigest()
    return Dataset("lesions", *splits, ("tissue", "lesion"), "made here", "labkit.applications.lesions", digest,
                   _("generated"))


def arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32) and masks, bool, of a split of `dataset`."""
    return split.inputs[:, 0].numpy(), split.targets.view(-1, SIZE, SIZE).bool().numpy()


def dice(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Overlap of each pair of masks (N, H, W): twice the common pixels over the pixels of both; 1 where both are
    empty (Dice 1945)."""
    common, both = (predicted & truth).sum((1, 2)), predicted.sum((1, 2)) + truth.sum((1, 2))
    return np.where(both, 2 * common / np.maximum(both, 1), 1.0)


def scores(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """What a clinic counts. `dice` is the mean over the images with a lesion; `missed` counts the lesions with a Dice
    under 0.25, `false_alarms` the healthy images with 12 marked pixels or more; `accuracy` is the share of images with
    neither."""
    ill, overlap = truth.any((1, 2)), dice(predicted, truth)
    missed = int((overlap[ill] < FOUND).sum())
    alarms = int((predicted[~ill].sum((1, 2)) >= SMALLEST).sum())
    return {"images": len(truth), "lesions": int(ill.sum()), "dice": float(overlap[ill].mean()), "missed": missed,
            "false_alarms": alarms, "accuracy": 1 - (missed + alarms) / len(truth)}


Masks = Callable[[np.ndarray], np.ndarray]      # images, uint8 (N, H, W) -> masks, bool (N, H, W)


def threshold(images: np.ndarray, masks: np.ndarray) -> Masks:
    """The baseline: smooth, take off the slow part of the background, and mark what is above a level.

    Both widths and the level are those with the highest mean Dice on these images with a lesion, where an image
    without one counts 1 if fewer than 12 pixels are marked and 0 if not.
    """
    def smoothed(images, width, background):
        images = images / 255
        fine = gaussian_filter(images, (0, width, width))
        return fine - gaussian_filter(images, (0, background, background)) if background else fine

    def quality(marked):
        empty = (marked.sum((1, 2)) < SMALLEST).astype(float)
        return np.where(masks.any((1, 2)), dice(marked, masks), empty).mean()
    best = (-1.0,)
    for width in (0.5, 1.0, 1.5, 2.0):
        for background in (0, 6, 10):
            values = smoothed(images, width, background)
            for level in np.quantile(values, np.linspace(0.8, 0.995, 40)):
                best = max(best, (float(quality(values > level)), width, background, float(level)))
    _quality, width, background, level = best
    return lambda images: smoothed(images, width, background) > level


def by_network(model: nn.Module) -> Masks:
    """The masks of a trained `UNet`: a pixel is marked where the second logit is the larger one."""
    return lambda images: predict(model, torch.from_numpy(images[:, None])).argmax(2).view(
        -1, *images.shape[1:]).bool().numpy()


@dataclass(frozen=True)
class Finding:
    """What `find` answers: the marked pixels as a bool array, their number, and whether a lesion is reported."""
    mask: np.ndarray
    pixels: int
    lesion: bool


def find(image, masks: Masks) -> Finding:
    """The answer for one grey image, uint8 (32, 32). Raises `SettingError` for another form and for an image that is
    all of one brightness."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.shape != (SIZE, SIZE):
        raise refuse("image", f"{image.dtype} {image.shape}", _("uint8 of shape ({size}, {size})").format(size=SIZE))
    if image.min() == image.max():
        raise refuse("image", _("all pixels {value}").format(value=image.min()),
                     _("an image with at least two shades"), _("Was the lens covered?"))
    mask = masks(image[None])[0]
    return Finding(mask, int(mask.sum()), bool(mask.sum() >= SMALLEST))
