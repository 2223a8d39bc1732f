"""How seconds and memory grow with the number of images, parameters, recorded steps and tokens that attend.

Each point is measured in a process of its own, so that its memory is its own; the sizes span two decades.
"""
import ctypes
import gc
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from benchmarks.loops import random_images
from labkit.memory import keep_memory
from labkit.models import SmallCNN, parameter_count
from labkit.models.transformer import SelfAttention
from labkit.training import History, Recipe, Run

WIDTH, HEADS = 64, 4        # of the attention
PROCESS = Path("/proc/self")


class Point(NamedTuple):
    """What one size took: seconds, and the bytes by which the process grew at most."""
    size: float
    seconds: float
    memory: float


def held() -> float:
    """The memory that this process holds, in bytes, after what is free went back to the system; its peak starts anew.

    Linux with glibc does this; elsewhere it is the most that the process has held so far (NaN on Windows).
    """
    gc.collect()
    if sys.platform != "linux" or getattr(ctypes.CDLL(None), "malloc_trim", None) is None:
        return peak()
    ctypes.CDLL(None).malloc_trim(0)
    PROCESS.joinpath("clear_refs").write_text("5", encoding="ascii")       # see proc_pid_clear_refs(5)
    return _status("VmRSS")


def peak() -> float:
    """The most memory that this process has held, on Linux since `held`, in bytes; NaN on Windows."""
    if sys.platform == "linux":
        return _status("VmHWM")
    try:
        import resource
    except ImportError:
        return math.nan
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> float:
    """A line of Linux's account of this process, which is in kibibytes, as bytes."""
    lines = PROCESS.joinpath("status").read_text(encoding="ascii").splitlines()
    return 1024 * float(next(line for line in lines if line.startswith(name)).split()[1])


def images(count: int) -> tuple[float, Callable[[], None]]:
    """An epoch of SmallCNN on so many images of 32x32x3."""
    run = Run(SmallCNN, random_images(count), Recipe(epochs=1, batch_size=100), threads=1)
    return count, lambda: [None for _step in run]


def parameters(width: int) -> tuple[float, Callable[[], None]]:
    """20 steps of two dense layers of this width on a batch of 64 rows: the middle one has width squared weights."""
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    rows, targets = torch.rand(64, 64), torch.randint(10, (64,))

    def train():
        for _step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(rows), targets).backward()
            optimizer.step()
    return parameter_count(model), train


def steps(count: int) -> tuple[float, Callable[[], None]]:
    """A history of so many steps, its columns, and what a checkpoint keeps of it."""
    history = History()

    def record():
        for step in range(count):
            history.append(step, 1, 1e-3, 0.5, 0.9)
        history.state()
    return count, record


def tokens(length: int) -> tuple[float, Callable[[], None]]:
    """Attention of one row of so many tokens, forward and backward, by torch's fused kernel."""
    model, x = SelfAttention(WIDTH, HEADS), torch.rand(1, length, WIDTH)

    def attend():
        for _time in range(3):
            model(x, causal=True)[0].sum().backward()
    return length, attend


def tokens_with_weights(length: int) -> tuple[float, Callable[[], None]]:
    """The same with the weights kept, as an attention map needs them: length squared numbers for each head."""
    model, x = SelfAttention(WIDTH, HEADS), torch.rand(1, length, WIDTH)

    def attend():
        for _time in range(3):
            model(x, causal=True, weights=True)[0].sum().backward()
    return length, attend


@dataclass(frozen=True)
class Quantity:
    """What grows, over which sizes, and which exponents of its last decade are allowed in seconds and memory."""
    make: Callable
    sizes: tuple[int, ...]
    unit: str
    most: tuple[float, float]
    because: str


QUANTITIES = {
    "images": Quantity(images, (300, 1_000, 3_000, 10_000, 30_000), "images", (1.15, 1.15),
                       "a straight line: each image costs the same, and is kept as bytes"),
    "parameters": Quantity(parameters, (120, 400, 700, 1_300, 2_300), "parameters", (1.3, 1.3),
                           "a straight line as soon as the products outweigh the calls around them; it bends upwards "
                           "where weights, gradients and Adam's two averages no longer fit the processor's caches"),
    "steps": Quantity(steps, (10_000, 30_000, 100_000, 300_000, 1_000_000), "steps", (1.15, 1.15),
                      "a straight line: 56 bytes a step in arrays that double when they are full, and a copy for the "
                      "checkpoint"),
    "tokens": Quantity(tokens, (64, 200, 640, 2_000, 6_400), "tokens", (2.1, 1.3),
                       "seconds bend from the dense layers' straight line to attention's square; memory stays straight "
                       "as the fused kernel keeps no weights"),
    "tokens, weights kept": Quantity(tokens_with_weights, (64, 200, 640, 2_000, 4_000), "tokens", (2.3, 2.2),
                                     "both bend to the square: the weights are a table of tokens by tokens")}


def measure_here(name: str, size: int) -> Point:
    """One point, in this process: a small one first, so that what torch sets up once does not count.

    What is freed stays with the process, as in a chapter.
    """
    keep_memory()
    torch.set_num_threads(1)
    quantity = QUANTITIES[name]
    quantity.make(quantity.sizes[0])[1]()
    before = held()
    counted, work = quantity.make(size)
    began = time.perf_counter()
    work()
    return Point(counted, time.perf_counter() - began, peak() - before)


def measure(name: str, size: int) -> Point:
    """The same in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure_here, name, size).result()


def exponent(first: Point, last: Point, what: str) -> float:
    """The power of the size with which `what` grows between two points; NaN where it did not grow measurably."""
    low, high = getattr(first, what), getattr(last, what)
    if not (low > 0 and high > 0):
        return math.nan
    return math.log(high / low) / math.log(last.size / first.size)
