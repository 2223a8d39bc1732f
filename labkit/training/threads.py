"""How many threads torch should use for a run: timed at its start, then left alone.

Two threads are not always faster than one: a small model has too little work for them, and on a core that
another program keeps busy each of torch's parallel loops waits for the slower thread.
"""
import statistics
import time
from collections.abc import Callable

from labkit.device import core_count, threads

ROUNDS, STEPS = 3, 4    # rounds of so many timed steps with each count in turn
SECONDS = 0.25          # no further round once this is spent
GAIN = 0.95             # more threads must take less than this share of the time, or one thread is kept


def fastest(step: Callable[[], None]) -> int:
    """Run `step` a few times with one thread and with all cores, in turn, and return the count that is faster.

    Compared are the upper quartiles: on a busy core only some steps are slow, and on a quiet one a hiccup is rare.
    """
    many = core_count()
    if many == 1:
        return 1
    seconds = {1: [], many: []}
    start = time.perf_counter()
    for _round in range(ROUNDS):
        for count, times in seconds.items():
            with threads(count):
                step()          # the first after a change of threads is slower
                for _step in range(STEPS):
                    began = time.perf_counter()
                    step()
                    times.append(time.perf_counter() - began)
        if time.perf_counter() - start > SECONDS:
            break
    slow = {count: statistics.quantiles(times, n=4)[2] for count, times in seconds.items()}
    return many if slow[many] < GAIN * slow[1] else 1
