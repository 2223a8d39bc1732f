"""Generative adversarial networks (Goodfellow et al. 2014) in miniature: eight clusters in the plane, small clothes.

A generator turns noise into samples, a discriminator gives each sample a logit for "real". Each is trained against the
other (the paper's algorithm 1, with the generator's loss that the paper recommends in section 3: it maximises
log D(G(z))). Section 6 of the paper warns of the "Helvetica scenario": a generator that is trained too much before the
discriminator answers maps much of its noise to the same sample. `generator_steps` above 1 brings it about.

The remedy is a feature of the whole batch (minibatch discrimination, Salimans et al. 2016, section 3.2, in its smallest
form): the discriminator also sees how far each sample lies from the others, so samples that are all alike give
themselves away.
"""
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from labkit.data import load
from labkit.language import _
from labkit.settings import refuse

CLUSTERS, RADIUS, DEVIATION = 8, 2.0, 0.1
NOISE = 2           # numbers that the plane's generator starts from
SIZE = 14           # pixels of the small clothes, each way

Sampler = Callable[[int, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Step:
    """One step of both networks, counted from 1, with the loss of each before its last update."""
    index: int
    discriminator_loss: float
    generator_loss: float


class Discriminator(nn.Module):
    """Samples (N, ...) to logits (N,). `spread` adds each sample's mean distance to the others of its batch.

    `body` takes flat samples (N, D), or (N, 2·D) with `spread`.
    """

    def __init__(self, body: nn.Module, spread: bool = False):
        super().__init__()
        self.body, self.spread = body, spread

    def forward(self, samples: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor:
        """`others` is the batch that the samples are compared with: their own by default."""
        flat = samples.flatten(1)
        if self.spread:
            others = flat if others is None else others.flatten(1)
            flat = torch.cat([flat, (flat[:, None] - others[None]).abs().mean(1)], 1)
        return self.body(flat).squeeze(1)


@dataclass
class Gan:
    """A generator and a discriminator, and how much noise the generator starts from."""
    generator: nn.Module
    discriminator: Discriminator
    noise: int

    @torch.no_grad()
    def samples(self, count: int, seed: int = 0) -> torch.Tensor:
        """`count` samples of the generator in evaluation mode; the same noise for the same seed."""
        noise = torch.randn(count, self.noise, generator=torch.Generator().manual_seed(seed))
        training = self.generator.training
        try:
            return self.generator.eval()(noise)
        finally:
            self.generator.train(training)


def plane(seed: int, spread: bool = False, width: int = 48) -> Gan:
    """Untrained networks with two hidden layers for the clusters in the plane."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = nn.Sequential(nn.Linear(NOISE, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                  nn.Linear(width, 2))
        body = nn.Sequential(nn.Linear(4 if spread else 2, width), nn.LeakyReLU(0.2), nn.Linear(width, width),
                             nn.LeakyReLU(0.2), nn.Linear(width, 1))
    return Gan(generator, Discriminator(body, spread), NOISE)


def clothes(seed: int, width: int = 256, noise: int = 32) -> Gan:
    """Untrained networks for images (N, SIZE, SIZE) with values from 0 to 1."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = nn.Sequential(nn.Linear(noise, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width),
                                  nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, SIZE * SIZE), nn.Sigmoid(),
                                  nn.Unflatten(1, (SIZE, SIZE)))
        body = nn.Sequential(nn.Linear(SIZE * SIZE, width), nn.LeakyReLU(0.2), nn.Dropout(0.3),
                             nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(width, 1))
    return Gan(generator, Discriminator(body), noise)


def centres() -> torch.Tensor:
    """The middles of the clusters, (CLUSTERS, 2), evenly on a circle of RADIUS."""
    angles = 2 * math.pi / CLUSTERS * torch.arange(CLUSTERS)
    return RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)


def ring(count: int, generator: torch.Generator) -> torch.Tensor:
    """`count` points (count, 2): a cluster each, chosen evenly, and a normal error of DEVIATION."""
    chosen = torch.randint(CLUSTERS, (count,), generator=generator)
    return centres()[chosen] + DEVIATION * torch.randn(count, 2, generator=generator)


def small_clothes(kind: str = "Trouser") -> tuple[torch.Tensor, Sampler]:
    """The training images of one class of fashion-mnist, (N, SIZE, SIZE) from 0 to 1, and a function that draws some.

    Raises `SettingError` for a class that it does not have.
    """
    data = load("fashion-mnist")
    if kind not in data.class_names:
        raise refuse("kind", kind, ", ".join(data.class_names))
    chosen = data.train.inputs[data.train.targets == data.class_names.index(kind)]
    images = F.avg_pool2d(chosen.float().view(-1, 1, 28, 28) / 255, 2).squeeze(1)
    return images, lambda count, generator: images[torch.randint(len(images), (count,), generator=generator)]


def train(gan: Gan, real: Sampler, steps: int, seed: int = 0, generator_steps: int = 1, learning_rate: float = 2e-3,
          batch_size: int = 64) -> Iterator[Step]:
    """Train both networks in turn: the discriminator one step, the generator `generator_steps`. Yields each turn.

    Random numbers are drawn from `seed` alone, apart from dropout. Raises `SettingError` for a wrong number.
    """
    for name, value in (("steps", steps), ("generator_steps", generator_steps), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise refuse(name, value, _("a whole number of at least 1"))
    dice = torch.Generator().manual_seed(seed)
    # Momentum of 0.5, as Radford et al. 2016 (arXiv:1511.06434) found: with Adam's usual 0.9 the two swing.
    optimizers = [torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.999), fused=True)
                  for network in (gan.generator, gan.discriminator)]

    def fake():
        return gan.generator(torch.randn(batch_size, gan.noise, generator=dice))

    for index in range(1, steps + 1):
        with torch.no_grad():
            made = fake()
        told = F.softplus(-gan.discriminator(real(batch_size, dice))).mean() + F.softplus(
            gan.discriminator(made)).mean()
        _update(optimizers[1], told)
        for _again in range(generator_steps):
            fooled = F.softplus(-gan.discriminator(fake())).mean()
            _update(optimizers[0], fooled)
        yield Step(index, told.item(), fooled.item())


def _update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def score(samples: torch.Tensor) -> tuple[int, float]:
    """Of points (N, 2): how many clusters they cover, and the share that lies in one.

    A point lies in a cluster within three deviations of its middle; a cluster is covered by at least one per cent of
    the points.
    """
    distance, nearest = torch.cdist(samples, centres()).min(dim=1)
    inside = distance < 3 * DEVIATION
    counts = torch.bincount(nearest[inside], minlength=CLUSTERS)
    return int((counts >= 0.01 * len(samples)).sum()), float(inside.float().mean())


@torch.no_grad()
def field(gan: Gan, size: int = 40, reach: float = 3.0) -> torch.Tensor:
    """The discriminator's probability of "real" on a grid (size, size) from −reach to reach, the lowest row first.

    With a feature of the batch, each place is judged as one more sample among those of the generator.
    """
    line = torch.linspace(-reach, reach, size)
    places = torch.cartesian_prod(line, line).flip(1)
    return gan.discriminator(places, gan.samples(256, seed=1)).sigmoid().view(size, size)


def told_apart(real: torch.Tensor, made: torch.Tensor, seed: int = 0) -> float:
    """The share of images that a logistic regression sorts rightly into real and made, on images that it has not seen.

    One half where it cannot tell them apart (the classifier two-sample test, Lopez-Paz & Oquab 2017). `real` and `made`
    are (N, ...), equally many.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    inputs = torch.cat([real, made]).flatten(1).numpy()
    labels = [1] * len(real) + [0] * len(made)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed)).numpy()
    model = LogisticRegression(max_iter=500)
    return float(cross_val_score(model, inputs[order], [labels[i] for i in order], cv=3).mean())


def nearest(made: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each made image the place of the real one that is nearest, and the mean pixel difference between the two."""
    distance, place = torch.cdist(made.flatten(1), real.flatten(1), p=1).min(dim=1)
    return place, distance / made[0].numel()
