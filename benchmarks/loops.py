"""The contestants: endless loops that train on random images and say what each step did."""
import functools
import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.timing import Done, Speed, speed
from labkit.data.dataset import Dataset, Split
from labkit.device import core_count
from labkit.evaluation import as_float
from labkit.memory import keep_memory
from labkit.models import DocumentCNN
from labkit.training import Recipe, Run

IMAGES, CLASSES = 10_000, 10
VALIDATION = 2      # images, so that the validation after each epoch, which counts, takes next to no time
AUGMENTATION = {"flip": 0.5, "rotate": 10, "scale": 0.1, "crop": 2, "colour": 0.2}     # where the preview starts
Loop = Iterator[Done]


@functools.cache
def random_images(count: int = IMAGES) -> Dataset:
    """`count` training images of 32x32x3 random bytes with random labels: only their number matters."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        return Split(torch.randint(256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8),
                     torch.randint(CLASSES, (count,), generator=generator))
    return Dataset("random", split(count), split(VALIDATION), split(VALIDATION),
                   tuple(map(str, range(CLASSES))), "none", "made here", "")


def floor(data: Dataset, batch_size: int) -> Loop:
    """Forward and backward on one fixed batch: what is left when all else in a loop costs nothing."""
    model = DocumentCNN().to(memory_format=torch.channels_last)
    inputs = as_float(data.train.inputs[:batch_size]).contiguous(memory_format=torch.channels_last)
    targets = data.train.targets[:batch_size]
    while True:
        for weight in model.parameters():
            weight.grad = None
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        yield Done(len(targets), loss.detach(), torch.get_num_threads())


def floor_keeping_memory(data: Dataset, batch_size: int) -> Loop:
    """The floor in a process that gives no memory back to the system between two steps."""
    keep_memory()
    return floor(data, batch_size)


def tutorial_network() -> nn.Module:
    """The document's network as tutorials write it: ReLU before pooling, which gives the same numbers."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def tutorial(data: Dataset, batch_size: int) -> Loop:
    """The loop as tutorials write it: float images in a DataLoader, Adam, and a loss read at each step."""
    model = tutorial_network()
    images = TensorDataset(data.train.inputs.float() / 255, data.train.targets)
    loader = DataLoader(images, batch_size=batch_size, shuffle=True)
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    while True:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            yield Done(len(targets), loss.item(), torch.get_num_threads())


def tuned(data: Dataset, batch_size: int) -> Loop:
    """A torch loop by someone who knows: float images in memory, channels last, fused Adam, index batches."""
    model = DocumentCNN().to(memory_format=torch.channels_last)
    images = as_float(data.train.inputs).permute(0, 2, 3, 1).contiguous()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    while True:
        for rows in torch.randperm(len(images)).split(batch_size):
            targets = data.train.targets[rows]
            loss = F.cross_entropy(model(images.index_select(0, rows).permute(0, 3, 1, 2)), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield Done(len(targets), loss.detach(), torch.get_num_threads())


def run(data: Dataset, batch_size: int, threads: int | None = None, augmentation: Callable | None = None,
        precision: str = "float32") -> Loop:
    """labkit's `Run`, history and all; it chooses its threads where none are given."""
    recipe = Recipe(epochs=1_000_000, batch_size=batch_size, augmentation=augmentation, precision=precision)
    training = Run(DocumentCNN, data, recipe, threads=threads)
    seen = 0
    for step in training:
        yield Done(training.history.images - seen, step.loss, training.history.threads)
        seen = training.history.images


def run_with_augmentation(data: Dataset, batch_size: int) -> Loop:
    """The same with each batch augmented."""
    # Imported here since kornia takes half a second, which the other processes need not spend.
    from labkit.augment import Augmentation
    return run(data, batch_size, augmentation=Augmentation(**AUGMENTATION))


CONTESTANTS = {
    "floor": floor, "floor, memory kept": floor_keeping_memory, "Run": run, "tutorial loop": tutorial,
    "tuned loop": tuned, "Run, bf16": functools.partial(run, precision="bf16"),
    "Run, one thread": functools.partial(run, threads=1),
    "Run, all threads": functools.partial(run, threads=core_count()),
    "Run with augmentation": run_with_augmentation}


def measure(name: str, batch_size: int, images: int, most_seconds: float = math.inf) -> Speed:
    """The speed of a fresh contestant, the one called `name`, over `images` images."""
    loop = CONTESTANTS[name](random_images(), batch_size)
    return speed(loop, images, most_seconds=most_seconds)
