"""Naming what a picture shows (section 6.2): smaller pictures, a baseline on pixels, the product, and where it looks.

A network here is a module (N, channels, height, width) -> logits (N, classes), trained on images in 0..1.
"""
import dataclasses
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from labkit.applications.outcome import Outcome, latency
from labkit.data.dataset import Dataset, Split
from labkit.device import eval_mode, one_blas_thread
from labkit.evaluation import as_float, evaluate, predict
from labkit.language import _
from labkit.settings import refuse
from labkit.training import Run


def smaller(data: Dataset, side: int = 14) -> Dataset:
    """The same pictures with `side` × `side` pixels, each the mean of those that it covers: a quarter of the work."""
    def shrink(split: Split) -> Split:
        images = F.adaptive_avg_pool2d(split.inputs.float(), side).round_().to(torch.uint8)
        return Split(images, split.targets)
    if not 1 <= side <= min(data.input_shape[1:]):
        raise refuse("side", side, _("1 to {count}").format(count=min(data.input_shape[1:])))
    return dataclasses.replace(data, train=shrink(data.train), validation=shrink(data.validation),
                               test=shrink(data.test))


def baseline(split: Split):
    """Logistic regression on the pixels in 0..1, fitted with scikit-learn: one weight for each pixel and class."""
    from sklearn.linear_model import LogisticRegression
    with one_blas_thread():
        return LogisticRegression(max_iter=1000).fit(_pixels(split.inputs), split.targets.numpy())


def baseline_accuracy(model, split: Split) -> float:
    """The share of pictures that a fitted scikit-learn classifier names right."""
    return float(model.score(_pixels(split.inputs), split.targets.numpy()))


def _pixels(images: torch.Tensor) -> np.ndarray:
    return as_float(images).flatten(1).numpy()


def recogniser(model: nn.Module, data: Dataset) -> Callable[[object], tuple[str, float]]:
    """What a shop would call: `recognise(image) -> (name, confidence)`, for pictures like those of `data`.

    `image` is uint8, a tensor or an array of the shape of one example, (channels, height, width). `confidence` is the
    softmax probability of the name. Raises `SettingError` for another type, dtype or shape, and for a picture of one
    colour, which shows nothing.
    """
    shape, names = data.input_shape, data.class_names

    def recognise(image) -> tuple[str, float]:
        if not isinstance(image, torch.Tensor | np.ndarray):
            raise refuse("image", type(image).__name__, _("a tensor or an array"))
        image = torch.as_tensor(image)
        if image.dtype != torch.uint8:
            raise refuse("image.dtype", str(image.dtype), "torch.uint8",
                         _("Grey values are whole numbers from 0 to 255."))
        if tuple(image.shape) != shape:
            raise refuse("image.shape", tuple(image.shape), str(shape),
                         _("Scale the picture, or train on pictures of its size."))
        if image.min() == image.max():
            raise refuse("image", _("every pixel {value}").format(value=image.min().item()),
                         _("a picture with some contrast"))
        confidence, place = predict(model, image[None])[0].softmax(0).max(0)
        return names[place], confidence.item()
    return recognise


def outcome_of(run: Run, simple: float) -> Outcome:
    """What a finished run gained over a baseline of accuracy `simple`, by the test pictures."""
    recognise, test = recogniser(run.model, run.dataset), run.dataset.test
    return Outcome(task="naming a garment", metric="accuracy", simple=simple, deep=evaluate(run.model, test).accuracy,
                   examples=len(run.dataset.train), training=run.history.seconds,
                   latency=latency(lambda: recognise(test.inputs[0])))


def occlusion(model: nn.Module, image: torch.Tensor, window: int = 6, stride: int = 2,
              label: int | None = None) -> torch.Tensor:
    """How much the probability of a class falls when a black square hides each place (Zeiler & Fergus 2014).

    image       uint8 (channels, height, width); black is the background of Fashion-MNIST
    window      side of the square, in pixels, which moves by `stride`
    label       the class asked for; the one that the model names, unless given

    Returns (height, width): the mean fall over all squares that cover a pixel. Below 0 the square helped.
    """
    from captum.attr import Occlusion
    channels, height, width = image.shape
    if not 1 <= window <= min(height, width):
        raise refuse("window", window, _("1 to {count}").format(count=min(height, width)))
    if not 1 <= stride <= window:
        raise refuse("stride", stride, _("1 to {count}").format(count=window))
    x = as_float(image[None])
    with eval_mode(model), torch.inference_mode():
        if label is None:
            label = model(x)[0].argmax().item()
        falls = Occlusion(lambda images: model(images).softmax(1)).attribute(
            x, sliding_window_shapes=(channels, window, window), strides=(channels, stride, stride), baselines=0,
            target=label, perturbations_per_eval=64)
    return falls[0].sum(0)
