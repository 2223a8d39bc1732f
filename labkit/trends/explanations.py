"""Do explanations explain? Attribution methods on a network that cheats, and on one with no knowledge.

Two networks learn Fashion-MNIST with a label in the corner, two white bars of five. In the training images of the
*stamp reader* the bars tell the class, as a hospital's marker in an X-ray may tell the illness (Zech et al. 2018); in
those of the *honest* network they are drawn at random. So it is known what the first one looks at. The label is
planted by us; the garments are real.

Methods are captum's: integrated gradients (Sundararajan et al. 2017), occlusion (Zeiler & Fergus 2014), sampled Shapley
values (Castro et al. 2009), guided back-propagation (Springenberg et al. 2015). "edges" is no explanation: it is the
image's own outline, and never asks the network (Adebayo et al. 2018, section 5).
"""
import copy
import dataclasses
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from labkit.applications.pictures import smaller
from labkit.data.dataset import Dataset, Split
from labkit.device import eval_mode
from labkit.evaluation import as_float, evaluate, predict
from labkit.settings import choose
from labkit.training import Recipe, Run
from labkit.training.randomness import INIT, seeded

METHODS = ("integrated gradients", "occlusion", "Shapley values", "guided backprop")
CONTROL, RANDOM = "edges", "random pixels"
REDRAWN = {"last layer": 1, "all layers": 4}
NETWORKS = ("stamp reader", "honest")
BARS = [(first, second) for first in range(5) for second in range(first)]       # two of five: ten, one a class
HEIGHT, WIDTH = 2, 6            # pixels of the label, at the top left: 6 % of the image
CELL = 2                        # side of the squares whose Shapley values are sampled
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)        # of the pixels that are not black, deleted
DELETED = 0.2                   # the share at which methods are compared


def stamp(images: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Copies of uint8 images (N, 1, 14, 14) with the label of class `codes` (N,) in the corner."""
    labels = torch.zeros(len(BARS), 1, HEIGHT, WIDTH, dtype=torch.uint8)
    for label, bars in zip(labels, BARS, strict=True):
        for bar in bars:
            label[..., bar] = 255
    images = images.clone()
    images[..., :HEIGHT, :WIDTH] = labels[codes]
    return images


def stamped(data: Dataset, honest: bool, seed: int = 0) -> Dataset:
    """The set, halved to 14 x 14 pixels, with stamps in all images: of the class, or, if `honest`, drawn at random."""
    data, generator = smaller(data), torch.Generator().manual_seed(seed)

    def label(split: Split) -> Split:
        codes = torch.randint(len(BARS), (len(split),), generator=generator) if honest else split.targets
        return Split(stamp(split.inputs, codes), split.targets)
    return dataclasses.replace(data, train=label(data.train), validation=label(data.validation), test=label(data.test))


def network() -> nn.Sequential:
    """Two convolutions with pooling and two dense layers, each ReLU a module of its own, which captum's hooks need."""
    return nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(24 * 9, 48), nn.ReLU(), nn.Linear(48, 10))


def train(data: Dataset, seed: int, steps: int, threads: int | None = 1) -> nn.Sequential:
    """The network after `steps` batches of 64."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=5e-3, schedule="cosine", warmup=0.15, seed=seed,
                    validate_every=steps)
    run = Run(network, data.first(validation=100), recipe, "cpu", threads=threads)
    for _step in run:
        pass
    return run.model.eval().to(memory_format=torch.contiguous_format)


def randomised(model: nn.Sequential, seed: int, layers: int = 1) -> nn.Sequential:
    """A copy whose last `layers` of four are drawn anew: the network's knowledge, from the top, is gone."""
    model = copy.deepcopy(model)
    with seeded(torch.device("cpu"), seed, INIT):
        for layer in [layer for layer in model if hasattr(layer, "weight")][-layers:]:
            layer.reset_parameters()
    return model


def attribute(method: str, model: nn.Sequential, images: torch.Tensor, targets: torch.Tensor, seed: int = 0,
              samples: int = 8) -> torch.Tensor:
    """How much each pixel speaks for class `targets` (N,), as `method` has it: float32 (N, 14, 14).

    `images` are uint8 (N, 1, 14, 14), the baseline is black; `samples` are orders of the squares for Shapley values,
    and a quarter of the steps of integrated gradients. What is explained is the class's logit.
    """
    from captum.attr import GuidedBackprop, IntegratedGradients, Occlusion, ShapleyValueSampling
    choose("method", method, (*METHODS, CONTROL))
    x = as_float(images)
    with eval_mode(model), seeded(torch.device("cpu"), seed, INIT), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)        # captum says at each call that it sets hooks
        if method == "integrated gradients":
            found = IntegratedGradients(model).attribute(x, target=targets, n_steps=4 * samples)
        elif method == "occlusion":
            found = Occlusion(model).attribute(x, (1, 2, 2), (1, 1, 1), target=targets, perturbations_per_eval=49)
        elif method == "Shapley values":
            squares = torch.arange(49).view(7, 7).repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
            found = ShapleyValueSampling(model).attribute(x, target=targets, n_samples=samples,
                                                          perturbations_per_eval=49, feature_mask=squares[None, None])
        elif method == "guided backprop":
            found = GuidedBackprop(model).attribute(x, target=targets)
        else:
            found = edges(x)
    return found.detach().float().sum(1)


def edges(x: torch.Tensor) -> torch.Tensor:
    """The size of the brightness's slope (Sobel) times the brightness; x (N, 1, H, W) in 0..1."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    slopes = F.conv2d(x, torch.stack([across, across.T])[:, None], padding=1)
    return slopes.norm(dim=1, keepdim=True) * x


def in_stamp(maps: torch.Tensor) -> torch.Tensor:
    """The share of all attribution, by size, that lies on the label: (N,) for maps (N, 14, 14)."""
    sizes = maps.abs()
    return sizes[:, :HEIGHT, :WIDTH].sum((1, 2)) / sizes.sum((1, 2)).clamp_min(1e-12)


def told_apart(cheating: torch.Tensor, honest: torch.Tensor) -> float:
    """How surely one map tells the two networks apart by its share on the label: the area under the ROC curve.

    That is the chance that a map of the stamp reader has more than one of the honest network; 0.5 is guessing.
    """
    above = (cheating[:, None] > honest).double() + (cheating[:, None] == honest).double() / 2
    return float(above.mean())


def similarity(maps: torch.Tensor, others: torch.Tensor, images: torch.Tensor) -> float:
    """Spearman's correlation of the sizes in two maps of each image, mean over images.

    Only over pixels that are not black: on black ones integrated gradients are zero by definition, in any network.
    """
    from scipy.stats import spearmanr
    found = [spearmanr(one[seen].abs().numpy(), other[seen].abs().numpy()).statistic
             for one, other, seen in zip(maps, others, images[:, 0] > 0, strict=True)]
    return float(np.mean(found))


def deletion(model: nn.Sequential, images: torch.Tensor, targets: torch.Tensor, maps: torch.Tensor,
             shares=SHARES) -> list[float]:
    """Accuracy after the pixels that speak most for the class were made black, those `shares` of all that are not."""
    seen = images[:, 0].flatten(1) > 0
    order = maps.flatten(1).masked_fill(~seen, -torch.inf).argsort(1, descending=True).argsort(1)
    accuracies = []
    for share in shares:
        gone = order < (share * seen.sum(1, keepdim=True)).round()
        left = images.flatten(1).masked_fill(gone, 0).view_as(images)
        accuracies.append(float((predict(model, left).argmax(1) == targets).float().mean()))
    return accuracies


@dataclass(frozen=True)
class Audit:
    """The networks, the images (N, 1, 14, 14) they were asked about, and every map (N, 14, 14) of `maps`.

    `maps[method]` holds one for each of NETWORKS, and for the honest network with its "last layer" and "all layers"
    drawn anew. All images carry the label of their own class, and all maps explain that class's logit.
    """
    networks: dict[str, nn.Sequential]
    images: torch.Tensor
    targets: torch.Tensor
    maps: dict[str, dict[str, torch.Tensor]]
    accuracy: dict[str, dict[str, float]]       # of each network, with stamps of the class and with random ones

    def table(self) -> pd.DataFrame:
        """A row for each method and the control: see the columns' functions; `deleted` is accuracy at DELETED.

        The row "random pixels" has that alone.
        """
        rows = {}
        for method, maps in self.maps.items():
            shares = [in_stamp(maps[name]) for name in NETWORKS]
            rows[method] = {
                "in stamp": float(shares[0].mean()), "in stamp, honest": float(shares[1].mean()),
                "told apart": told_apart(*shares), "deleted": self.deletion(method, (DELETED,))[0],
                **{f"same, {layers} redrawn": similarity(maps["honest"], maps[layers], self.images)
                   for layers in REDRAWN}}
        rows[RANDOM] = {"deleted": self.deletion(RANDOM, (DELETED,))[0]}
        return pd.DataFrame.from_dict(rows, orient="index")

    def deletion(self, method: str, shares=SHARES) -> list[float]:
        """The honest network's accuracy without its most attributed pixels, or, "random pixels", without any."""
        maps = (torch.rand(self.images[:, 0].shape, generator=torch.Generator().manual_seed(0)) if method == RANDOM
                else self.maps[method]["honest"])
        return deletion(self.networks["honest"], self.images, self.targets, maps, shares)


def audit(data: Dataset, seed: int, steps: int, count: int, samples: int, threads: int | None = 1,
          methods=(*METHODS, CONTROL)) -> Audit:
    """Train both networks on `data` (28 x 28), and explain their answers to the first `count` test images."""
    sets = {name: stamped(data, name == "honest", seed) for name in NETWORKS}
    networks = {name: train(sets[name], seed, steps, threads) for name in NETWORKS}
    asked = sets["stamp reader"].test.first(count)
    accuracy = {name: {stamps: evaluate(model, sets[of].test).accuracy for stamps, of in
                       (("stamps of the class", "stamp reader"), ("random stamps", "honest"))}
                for name, model in networks.items()}
    models = networks | {name: randomised(networks["honest"], seed, layers) for name, layers in REDRAWN.items()}
    maps = {method: {name: attribute(method, model, asked.inputs, asked.targets, seed, samples)
                     for name, model in models.items()} for method in methods}
    return Audit(networks, asked.inputs, asked.targets, maps, accuracy)
