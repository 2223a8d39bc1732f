"""The points that one run of a lab has reported, and their short form for the page."""
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from labkit.language import _

KEPT_POINTS = 400


def decimate(steps: np.ndarray, values: np.ndarray, count: int = KEPT_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most about `count` of the points, as float32: the lowest and the highest of each stretch.

    So no spike is lost. The first and the last point always stay.
    """
    if len(values) <= count:
        return steps.astype("float32"), values.astype("float32")
    inner = len(values) - 2
    edges = np.linspace(0, inner, count // 2).astype(int)
    starts = np.unique(edges[:-1])
    kept = [0, len(values) - 1]
    for start, end in zip(starts, [*starts[1:], inner], strict=True):
        stretch = values[1 + start:1 + end]
        kept += [1 + start + int(stretch.argmin()), 1 + start + int(stretch.argmax())]
    kept = np.unique(kept)
    return steps[kept].astype("float32"), values[kept].astype("float32")


@dataclass
class Trace:
    """One run of a lab: its settings and what it reported.

    `trace["train_loss"]` gives (steps, values) as NumPy arrays; `state` is training, paused, finished,
    superseded or failed; `colour` is a place in `curve.COLOURS` that no other run shown beside it has.
    """
    number: int
    settings: dict
    seed: int
    steps: int                  # how many the lab asked for
    colour: int = 0
    state: str = "training"
    seconds: float = 0.0
    last_step: int = 0
    goal_reached: bool = False
    columns: dict[str, tuple[array, array]] = field(default_factory=dict)

    def add(self, step: int, values: dict) -> None:
        """Append the reported values of one step; None is left out."""
        step = int(step)
        numbers = {name: float(value) for name, value in values.items() if value is not None}
        self.last_step = step       # only now: a report that is no number leaves no half of a row behind
        for name, number in numbers.items():
            steps, column = self.columns.setdefault(name, (array("d"), array("d")))
            steps.append(step)
            column.append(number)

    def repeats(self, other: "Trace") -> bool:
        """Whether `other` is an earlier run to the end with the same settings, seed and steps: the same curve."""
        return other is not self and other.state == "finished" and (
            (self.settings, self.seed, self.steps) == (other.settings, other.seed, other.steps))

    def __getitem__(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        if name not in self.columns:
            raise KeyError(f"{name!r} was not reported; there are {', '.join(self.columns) or 'no reports'}")
        steps, column = self.columns[name]
        # Slices are copies: NumPy must not look into an array that the training thread is about to grow.
        values = np.array(column[:])
        return np.array(steps[:len(values)]), values

    def last(self, name: str) -> float:
        """The newest reported value of `name`."""
        return self.columns[name][1][-1]

    def packed(self) -> tuple[list[dict], bytes]:
        """For the page: a list of {name, length}, and all steps and values in that order as float32 bytes."""
        series, chunks = [], []
        for name in self.columns:
            steps, values = decimate(*self[name])
            series.append({"name": name, "length": len(steps)})
            chunks += [steps.tobytes(), values.tobytes()]
        return series, b"".join(chunks)


def legends(traces: list[Trace], says: dict[str, Callable[[object], str]]) -> list[str]:
    """What tells each run from the others: its number, and the settings that differ between any two.

    `says` writes the value of each setting with its label.
    """
    differing = [name for name in says if len({str(trace.settings.get(name)) for trace in traces}) > 1]
    several_seeds = len({trace.seed for trace in traces}) > 1
    texts = []
    for trace in traces:
        parts = [says[name](trace.settings.get(name)) for name in differing]
        if several_seeds:
            parts.append(_("seed {seed}").format(seed=trace.seed))
        texts.append(" · ".join([f"#{trace.number}", *parts]))
    return texts


def in_words(name: str) -> str:
    """What a series is called in the page: `train_loss` is “train loss”, in the learner's language."""
    return _(name.replace("_", " "))


def shown(value) -> str:
    """A setting's value as a reader would write it."""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return f"{float(f'{value:.3g}'):g}" if isinstance(value, float) else str(value)     # 5000, not 5e+03
