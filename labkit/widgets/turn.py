"""One lab trains at a time, and a cell that is run again leaves nothing of the labs that it showed before."""
import threading

import torch
from IPython import get_ipython

from labkit.openmp import release_helpers

_training = threading.Lock()    # two labs training at once would fight for the cores
_newest: list = []              # the lab that holds, or waits for, that lock


def is_taken() -> bool:
    """Whether a lab is training now."""
    return _training.locked()


_shown: dict[str, tuple[str, list]] = {}    # id of a cell -> which run of it, and the labs that it showed


def shown_by_this_cell(lab) -> list:
    """The labs that an earlier run of this cell has shown, other than `lab`, which it shows now."""
    parent = getattr(get_ipython(), "get_parent", dict)()
    cell, run = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    for other, (when, labs) in _shown.items():
        _shown[other] = when, [each for each in labs if each is not lab]
    if cell is None:        # not every front end says which cell it runs
        return []
    when, labs = _shown.get(cell, (run, []))
    _shown[cell] = run, [*labs, lab] if when == run else [lab]
    return labs if when != run else []


class Turn:
    """The right to train, and torch's random numbers while one has it.

    Both are given back during a pause: another lab may train, the notebook draws its own numbers, and the
    paused run later goes on with exactly the numbers it would have drawn.
    """

    def __init__(self, lab, seed: int):
        self._lab, self._states = lab, None
        self._seed = seed

    def __enter__(self) -> None:
        if _newest and _newest[-1] is not self._lab:
            _newest[-1].stop()
        _newest[:] = [self._lab]
        _training.acquire()
        outside = _random_states()
        if self._states is None:
            torch.manual_seed(self._seed)
        else:
            _set_random_states(self._states)
        self._states = outside

    def __exit__(self, *error) -> None:
        inside = _random_states()
        _set_random_states(self._states)
        self._states = inside
        release_helpers()       # a paused run keeps no core's helper from others
        _training.release()


def _random_states() -> tuple:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), cuda


def _set_random_states(states: tuple) -> None:
    torch.set_rng_state(states[0])
    if states[1]:
        torch.cuda.set_rng_state_all(states[1])
