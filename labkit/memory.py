"""Let the process keep the memory that torch frees, instead of giving it back and asking for it again.

A training step on a CPU frees all its activations and asks for as many in the next. By default glibc returns
large blocks to the system at once; each step then takes thousands of page faults, in which the kernel hands
out and clears the same memory anew. `make bench` shows what that costs (the two rows called floor).
"""
import ctypes
import functools
import sys

# Of glibc's malloc.h. Blocks of every size then come from the heap, of which the system gets back what is free at its
# end above 2 GB. A threshold for large blocks would not do: glibc allows 32 MB at most, and a batch of 512 has larger.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
SETTINGS = {M_TRIM_THRESHOLD: 2**31 - 1, M_MMAP_MAX: 0, M_ARENA_MAX: 1}


@functools.cache
def keep_memory() -> bool:
    """Set this for the whole process; return whether it can be set here (Linux with glibc).

    No number that torch computes changes. The process stays as large as it ever was. A thread that is to
    profit must be started later: the one heap is for threads that have none of their own yet.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return mallopt is not None and all([mallopt(name, value) for name, value in SETTINGS.items()])
