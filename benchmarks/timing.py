"""Alternating runs, so that whatever else the machine does meets all contestants alike."""
import gc
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import torch

WARM_UP = 5     # steps: the first ones choose threads, set up convolutions and move data
Result = TypeVar("Result")


class Done(NamedTuple):
    """What a loop yields after each step; `loss` is a number or a tensor of no dimensions."""
    images: int
    loss: object
    threads: int


class Speed(NamedTuple):
    """How fast a loop went, and the torch threads that it used."""
    images_per_second: float
    threads: int


def alternate(contestants: dict[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """Call each contestant in turn (A B C A B C ...); return its results, one a round."""
    results = {name: [] for name in contestants}
    for _round in range(rounds):
        for name, contestant in contestants.items():
            gc.collect()
            results[name].append(contestant())
    return results


def speed(loop: Iterator[Done], images: int, warm_up: int = WARM_UP, most_seconds: float = math.inf) -> Speed:
    """Time `loop` over at least `images` images, or for `most_seconds`; its first `warm_up` steps do not count."""
    for _step in range(warm_up):
        done = next(loop)
    count, seconds, began = 0, 0.0, time.perf_counter()
    while count < images and seconds < most_seconds:
        done = next(loop)
        count += done.images
        seconds = time.perf_counter() - began
    return Speed(count / seconds, done.threads)


def ratios(of: list[float], to: list[float]) -> list[float]:
    """One ratio a round: neighbours in time are compared, so a slow minute falls out."""
    return [a / b for a, b in zip(of, to, strict=True)]


class Pace(NamedTuple):
    """A machine's own speed at one moment, all cores: float32 products in GFLOP/s, and memory copied in GB/s."""
    products: float
    copies: float


def pace(seconds: float = 1.0) -> Pace:
    """Measure it for `seconds` each, with work that labkit has no part in."""
    side = 1_024
    a, b, product = (torch.rand(side, side) for _matrix in range(3))
    source, target = (torch.zeros(2**24) for _copy in range(2))     # 64 MiB each, more than caches hold

    def a_second(work: Callable[[], object]) -> float:
        work()
        times, began = 0, time.perf_counter()
        while not times or time.perf_counter() - began < seconds:
            work()
            times += 1
        return times / (time.perf_counter() - began)
    return Pace(2 * side**3 / 1e9 * a_second(lambda: torch.mm(a, b, out=product)),
                source.nbytes / 1e9 * a_second(lambda: target.copy_(source)))
