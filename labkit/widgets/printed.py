"""What one thread prints, kept apart from what others print meanwhile."""
import contextlib
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator


class _Divider:
    """Stands in for a stream: keeps what one thread writes, and passes on everything else."""

    def __init__(self, stream, kept: io.StringIO):
        self._stream, self._kept, self.thread = stream, kept, threading.get_ident()

    def write(self, text: str) -> int:
        return (self._kept if threading.get_ident() == self.thread else self._stream).write(text)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


@contextlib.contextmanager
def printed() -> Iterator[Callable[[], str]]:
    """Yield a function that returns what this thread has written to stdout and stderr so far.

    A line that was written over (a progress bar) is what it was last. Without this, a worker's output would land in
    whatever cell runs at the time.
    """
    kept = io.StringIO()
    dividers = {name: _Divider(getattr(sys, name), kept) for name in ("stdout", "stderr")}
    for name, divider in dividers.items():
        setattr(sys, name, divider)
    try:
        yield lambda: re.sub(r"[^\n]*\r(?!\n)", "", kept.getvalue())
    finally:
        for name, divider in dividers.items():
            divider.thread = None       # whoever has put another stream over this one may put it back later
            if getattr(sys, name) is divider:
                setattr(sys, name, divider._stream)
