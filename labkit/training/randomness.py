"""Random numbers that depend on a seed and a step alone.

Each step seeds torch's global generators from (seed, stream, step) and puts their states back afterwards. So a
resumed run draws what an unbroken one drew without storing any generator, and a notebook's own random numbers
are not disturbed by a run.
"""
import contextlib

import numpy as np
import torch

INIT, ORDER, STEP, PROBE = range(4)     # streams: weights, order of the examples, a step's own draws, timing


def mixed(seed: int, stream: int, index: int = 0) -> int:
    """One 32-bit seed from three numbers; neighbouring inputs give unrelated seeds (NumPy's SeedSequence)."""
    return int(np.random.SeedSequence((seed, stream, index)).generate_state(1)[0])


def of_rank(stream: int, rank: int) -> int:
    """The stream of one of several processes that train together; of the first, `stream` itself."""
    return stream + 4 * rank


@contextlib.contextmanager
def seeded(device: torch.device, seed: int, stream: int, index: int = 0):
    """Inside the block torch's generators of the CPU and of `device` start from the mixed seed."""
    generators = [torch.default_generator]
    if device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or torch.cuda.current_device()])
    elif device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    states = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(mixed(seed, stream, index))
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
