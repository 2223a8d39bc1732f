"""One run at a time writes to a folder of checkpoints: a second one is refused before its first step.

The lock is the operating system's, on the file `.lock`: a process that dies, by SIGKILL too, holds it no longer.
"""
import os
import time
from pathlib import Path

from labkit.language import _
from labkit.training import checkpoint
from labkit.training.checkpoint import CheckpointError


class FolderLock:
    """A context in which `folder` is this run's alone. It may be entered again within; None locks nothing.

    Entering raises `CheckpointError` if another run is within, in this process or another, if the folder cannot be
    written, and if another run has saved there since this object was made or last left.
    """

    def __init__(self, folder: Path | None):
        self._folder, self._lock = folder, None
        if folder is not None:
            import filelock
            self._lock = filelock.FileLock(folder / ".lock", thread_local=False)     # a lab may train in a thread
            self._seen = checkpoint.named(folder)

    def __enter__(self) -> None:
        if self._lock is None:
            return
        if self._lock.is_locked:
            self._lock.acquire()    # held already: only counted
            return
        self._take()
        try:
            self._check()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_error) -> None:
        if self._lock is not None:
            self._seen = checkpoint.named(self._folder)
            self._lock.release()

    def _take(self) -> None:
        import filelock
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            raise CheckpointError(_(
                "{folder} is in use by another run, in process {process}. Wait until that run has ended, or stop it, "
                "or use another folder.").format(folder=self._folder, process=self._holder())) from error
        except OSError as error:
            raise self._not_writable(error) from error

    def _check(self) -> None:
        now = checkpoint.named(self._folder)
        if now and now != self._seen:
            raise CheckpointError(_(
                "Another run has saved {name} in {folder} since this one was there. To go on from it, make a new Run "
                "with resume=True; or use another folder.").format(name=now, folder=self._folder))
        try:
            checkpoint.put(self._folder / ".holder", str(os.getpid()))      # a file of its own: Windows locks `.lock`
        except OSError as error:
            raise self._not_writable(error) from error

    def _holder(self) -> str:
        for _attempt in range(20):      # one that has just come has not written its number yet
            try:
                return (self._folder / ".holder").read_text(errors="replace")
            except OSError:
                time.sleep(0.05)
        return "?"

    def _not_writable(self, error: OSError) -> CheckpointError:
        return CheckpointError(_(
            "No checkpoint can be written to {folder}: {reason}. Use a folder that can be written and has room, or "
            "folder=None, which keeps no checkpoints.").format(folder=self._folder, reason=error.strerror or error))
