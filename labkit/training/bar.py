"""A progress bar that leaves one line behind, in a notebook and in a terminal."""
import math
import sys
import time

from IPython import get_ipython
from IPython.display import display

from labkit.language import _

EVERY = 0.25    # seconds between two drawings


class Bar:
    """Shows step, loss, speed and time left of a run; used as a context manager by `Run.fit`."""

    def __init__(self, total: int, history, silent: bool = False):
        self._silent = silent       # one of several processes speaks for all
        self._total, self._history, self._drawn = total, history, 0.0
        self._notebook = getattr(get_ipython(), "kernel", None) is not None
        self._handle = None

    def __enter__(self) -> "Bar":
        return self

    def update(self) -> None:
        """Say where the run is, at most four times a second."""
        now = time.perf_counter()
        if now - self._drawn >= EVERY:
            self._drawn = now
            self._draw(self._line())

    def __exit__(self, kind, error, trace) -> None:
        notes = [*self._history.messages]
        if kind is KeyboardInterrupt:
            notes.append(_("Interrupted: call fit() again to go on."))
        if len(self._history):
            self._draw(" · ".join([self._line(), *notes]), last=True)

    def _line(self) -> str:
        history, steps = self._history, len(self._history)
        parts = [_("step {step} of {total}").format(step=steps, total=self._total),
                 _("loss {loss:.3f}").format(loss=history.last("train_loss"))]
        accuracy = history.last("validation_accuracy")
        if accuracy == accuracy:
            parts.append(_("validation {accuracy:.1%}").format(accuracy=accuracy))
        elif steps and math.isnan(history.last("train_accuracy")):
            parts.append(_("accuracy not measured"))
        parts.append(_("{speed:,.0f} examples/s").format(speed=history.images_per_second))
        if steps < self._total:
            left = (self._total - steps) * history.seconds / max(1, steps)
            parts.append(_("{seconds:.0f} s left").format(seconds=left))
        return " · ".join(parts)

    def _draw(self, line: str, last: bool = False) -> None:
        if self._silent:
            return
        if not self._notebook:
            if sys.stdout.isatty() or last:
                sys.stdout.write(f"\r{line}" + "\n" * last)
                sys.stdout.flush()
        elif self._handle is None:
            self._handle = display({"text/plain": line}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": line}, raw=True)
