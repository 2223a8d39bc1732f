"""How many threads torch should use for a run: timed at its start, then left alone.

Two threads are not always faster than one: a small model has too little work for them, and on a core that
another program keeps busy each of torch's parallel loops waits for the slower thread.
"""
import statistics
import time
from collections.abc import Callable

from labkit.device import core_count, threads

REPEATS = 5
GAIN = 0.95     # more threads must take less than this share of the time, or one thread is kept


def fastest(step: Callable[[], None]) -> int:
    """Run `step` a few times with one thread and with all cores, and return the count that is faster."""
    many = core_count()
    if many == 1:
        return 1
    seconds = {1: [], many: []}
    for repeat in range(REPEATS + 1):
        for count in seconds:
            with threads(count):
                began = time.perf_counter()
                step()
                if repeat:      # the first one warms up
                    seconds[count].append(time.perf_counter() - began)
    return many if statistics.median(seconds[many]) < GAIN * statistics.median(seconds[1]) else 1
