"""Ctrl-C, and Jupyter's ■, act between two steps and never inside one."""
import signal
import threading


class Uninterrupted:
    """Inside the block an interrupt is remembered and raised at its end, so that no weight is half updated.

    Python delivers interrupts to the main thread only, so elsewhere there is nothing to do. A second
    interrupt is not held back.
    """

    def __enter__(self):
        self._arrived = False
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._remember)
        return self

    def _remember(self, number, frame):
        if self._arrived:
            raise KeyboardInterrupt
        self._arrived = True

    def __exit__(self, kind, error, trace):
        if self._main:
            signal.signal(signal.SIGINT, self._before)
            if self._arrived and kind is None:
                raise KeyboardInterrupt
