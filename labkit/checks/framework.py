"""How an exercise is checked: the learner's function against a reference, on edge cases and random ones.

A check prints one fixed line for a right answer and raises `AssertionError` for a wrong one, since a grader
counts a cell that only prints as solved. Nothing goes to stderr, since a grader may give such a cell no marks: what
an answer writes there, a warning for instance, is printed. A stub is what returns `...` or raises a bare
`NotImplementedError`.
"""
import contextlib
import copy
import inspect
import random
import sys
from collections.abc import Callable, Iterable

import numpy as np
import torch

from labkit.language import _
from labkit.progress import done
from labkit.settings import grading, refuse


def exercise(number: str, cases: Callable[[random.Random], Iterable[tuple]],
             hints: Callable[[], tuple[str, ...]]) -> Callable[[Callable], "Exercise"]:
    """Turn a reference solution into the check of exercise `number`.

    `cases(draw)` yields tuples of arguments, edge cases first; `draw` is a `random.Random` of its own, so
    that a learner's random numbers are left alone and a check gives the same verdict each time. `hints()`
    returns the hints, vaguest first; it is a function so that they are in the language of the moment.
    """
    return lambda reference: Exercise(number, reference, cases, hints)


class Exercise:
    """A check that is called with the learner's function."""

    def __init__(self, number: str, reference: Callable, cases, hints):
        self.number, self.reference, self.cases, self.hints = number, reference, cases, hints
        self.__name__, self.__doc__ = reference.__name__, reference.__doc__

    def __repr__(self) -> str:
        return f"<check of exercise {self.number}, {self.__name__}>"

    def __call__(self, answer: Callable, hint: int = 0, graded: bool | None = None) -> None:
        """Check `answer`; `hint=k` prints the first k hints before.

        `graded` is for graders: an untouched stub fails, and no progress is kept. None asks `settings.grading()`.

        Raises `AssertionError` for a wrong answer, and for an untouched stub that is graded.
        """
        with contextlib.redirect_stderr(sys.stdout):
            self._check(answer, hint, grading() if graded is None else graded)

    def _check(self, answer: Callable, hint: int, graded: bool) -> None:
        hints = self.hints()
        if hint not in range(len(hints) + 1):
            raise refuse("hint", hint, _("0 to {last}").format(last=len(hints)))
        for place, text in enumerate(hints[:hint], 1):
            print(_("Hint {place}: {text}").format(place=place, text=text))
        if not callable(answer) and answer is not ...:
            raise self._wrong(_("The check takes your function itself, not {value}.").format(
                value=_shown(answer)), hint)
        for place, arguments in enumerate(self.cases(random.Random(self.number))):
            got, given = self._try(answer, arguments, hint)
            if got is ... and place == 0:
                return self._not_attempted(graded)
            expected = self.reference(*copy.deepcopy(arguments))
            if not agree(got, expected):
                raise self._wrong("\n".join((given, _("Expected: {value}").format(value=_shown(expected)),
                                             _("Got: {value}").format(value=_shown(got)))), hint)
        print(_("Exercise {number}: correct.").format(number=self.number))
        if not graded:
            done(self.number)

    def _not_attempted(self, graded: bool) -> None:
        message = _("Exercise {number}: not attempted yet.").format(number=self.number)
        print(message)
        if graded:
            raise AssertionError(message)

    def _try(self, answer: Callable, arguments: tuple, hint: int) -> tuple:
        """What the learner's function returns, `...` for a stub, and a line that says what it was given."""
        names = inspect.signature(self.reference).bind(*arguments).arguments
        given = _("Given: {arguments}").format(
            arguments=", ".join(f"{name}={_shown(value)}" for name, value in names.items()))
        if answer is ...:
            return answer, given
        try:
            return answer(*copy.deepcopy(arguments)), given
        except (Exception, SystemExit) as error:    # the latter would end a grader with all other answers
            if isinstance(error, NotImplementedError) and not error.args:   # torch's own has a message
                return ..., given
            text = _("Your function raised {kind}: {error}").format(kind=type(error).__name__, error=error)
            raise self._wrong(f"{given}\n{text}", hint) from error

    def _wrong(self, text: str, hint: int) -> AssertionError:
        lines = [_("Exercise {number}: not correct yet.").format(number=self.number), text]
        if hint < len(self.hints()):
            lines.append(_("For a hint, call the check with hint={next}.").format(next=hint + 1))
        return AssertionError("\n".join(lines))


def agree(got, expected) -> bool:
    """Whether two numbers or arrays (or tensors, or nested lists) have one shape and the same values.

    Whole numbers must be equal; others may differ by 1e-5 relative, what float32 arithmetic loses.
    """
    expected = _array(expected)
    try:
        got = _array(got)
    except (ValueError, TypeError, RuntimeError):
        return False
    if got.shape != expected.shape or got.dtype.kind not in "biuf":
        return False
    if expected.dtype.kind in "biu":
        return bool(np.array_equal(got, expected))
    return bool(np.allclose(got, expected, rtol=1e-5, atol=1e-6))


def _array(value) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _shown(value) -> str:
    """A value as a learner would type it, cut where it is long."""
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        value = value.tolist()
    text = repr(value)
    return text if len(text) <= 300 else text[:297] + "..."
