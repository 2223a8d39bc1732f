"""Let one thread train at full speed after another thread has.

GNU OpenMP, which torch's CPU builds for Linux use, keeps a team of helpers for each thread that has run a parallel
loop. Once all teams together are larger than the machine, waiting helpers go to sleep at once instead of spinning
for a moment, and every small loop pays for waking them: a network trained on a lab's thread then takes 1.5 to 2.5
times as long as on the main thread. So a thread that has nothing to compute for a while gives its helpers back.
"""
import ctypes
import functools

from IPython import get_ipython

SOFT = 1    # omp_pause_soft of the OpenMP 5.0 specification: helpers end, settings stay


@functools.cache
def _libraries() -> tuple[ctypes.CDLL, ...]:
    from threadpoolctl import threadpool_info
    loaded = [ctypes.CDLL(library["filepath"]) for library in threadpool_info() if library["prefix"] == "libgomp"]
    return tuple(library for library in loaded if hasattr(library, "omp_pause_resource_all"))


def release_helpers() -> bool:
    """Give back the calling thread's helpers, which its next parallel loop starts anew in some 0.1 ms.

    Returns whether there was a GNU OpenMP to ask. No number that torch computes changes.
    """
    return all([library.omp_pause_resource_all(SOFT) == 0 for library in _libraries()]) and bool(_libraries())


@functools.cache
def release_after_cells() -> None:
    """In a notebook, have the main thread give its helpers back whenever a cell has ended."""
    shell = get_ipython()
    if shell is not None:
        shell.events.register("post_run_cell", lambda result: release_helpers())
