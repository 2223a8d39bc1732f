"""A limit of memory that the operating system keeps, for a command and all that it starts."""
import contextlib
import functools
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# For all processes of a group together, where this process may make one: root, under the first version of cgroups.
GROUPS = Path("/sys/fs/cgroup/memory")


def own_group() -> Path:
    """The memory group of this process; a folder that is not there where no such groups are."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return GROUPS / "none"
    return next((GROUPS / line.split(":")[2].strip("/") for line in lines if line.split(":")[1] == "memory"),
                GROUPS / "none")


@contextlib.contextmanager
def group(limit: int) -> Iterator[Callable[[], None]]:
    """A group whose processes hold `limit` bytes together; yields what a new process calls to be in it.

    Page cache counts too, and is given up first. Whoever asks for more once that is gone is killed.
    """
    place = own_group() / f"labkit-{secrets.token_hex(4)}"
    place.mkdir()
    try:
        (place / "memory.limit_in_bytes").write_text(str(limit))
        yield lambda: (place / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        for _attempt in range(100):     # until the last of its processes is gone
            with contextlib.suppress(OSError):
                place.rmdir()
                break
            time.sleep(0.1)


@contextlib.contextmanager
def each(limit: int) -> Iterator[Callable[[], None]]:
    """What a new process calls so that it, and each that it starts, may write to `limit` bytes of memory of its own.

    That is stricter for one process than what is held, since it counts what was asked for: asking for more fails.
    """
    # Windows does not have this module.
    import resource
    yield lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


@functools.cache
def ways() -> tuple:
    """The ways to set a limit that work here, the one that counts all processes together first."""
    if sys.platform != "linux":
        return ()
    with contextlib.suppress(OSError, subprocess.SubprocessError), group(10**9) as join:
        subprocess.run(["true"], preexec_fn=join, check=True)
        return group, each
    return (each,)


def run(command: list[str], limit: int, way: Callable | None = None) -> subprocess.CompletedProcess:
    """Run `command` with at most `limit` bytes; without a limit where the system keeps none (macOS, Windows)."""
    way = way or next(iter(ways()), None)
    with way(limit) if way else contextlib.nullcontext() as join:
        return subprocess.run(command, preexec_fn=join, capture_output=True, text=True)
