"""The second step: clean, deal, measure on the training part, and turn everything into tensors."""
import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from labkit.checklist import labels
from labkit.checklist.prepare import ImagePreparation, TablePreparation, counters, fit
from labkit.checklist.report import Collected, Reported, listed
from labkit.data.dataset import Dataset, Split
from labkit.language import _
from labkit.settings import choose
from labkit.training.recipe import whole

SHARES = (0.2, 0.2)         # of validation and of test; training has the rest
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, repr=False)
class Processed(Reported):
    """Data that a network reads, and how they were made.

    dataset     a `labkit.data.Dataset` of three parts
    chosen      the rows of what was collected, (N,) of each part, by name
    done        (what, about it)
    """
    collected: Collected
    preparation: TablePreparation | ImagePreparation
    dataset: Dataset
    chosen: dict[str, np.ndarray]
    done: tuple[tuple[str, str], ...]

    def rows(self):
        yield from self.done

    def example(self, part: str, place: int):
        """What was given for the example at `place` of `part`: a row as a dict, or a picture."""
        row = self.chosen[choose("part", part, PARTS)][place]
        if self.collected.kind == "images":
            return self.collected.pictures[row]
        return {name: None if pd.isna(value) else value for name, value in self.collected.frame.iloc[row].items()}


def process(collected: Collected, seed: int = 0, limit: int | None = None) -> Processed:
    """Leave out what stands there twice, deal three parts in equal shares of each class, and prepare them.

    `limit` draws at most about so many examples by chance; each class keeps at least five.
    """
    if limit is not None:
        whole("limit", limit, 1)
    again, unlike = _twice(collected)
    rows = np.flatnonzero(~again)
    labels.numbered([collected.class_names[number] for number in collected.labels[rows]], _("what is left"))
    chosen = deal(collected.labels[rows], seed, limit)
    chosen = {part: rows[places] for part, places in chosen.items()}
    done = [(_("left out, twice there"), f"{int(again.sum()):,}")]
    if unlike:
        done.append((_("kept, alike but of another class"), f"{unlike:,}"))
    if collected.kind == "table":
        preparation = fit(collected.frame.iloc[chosen["train"]], counters(collected.frame))
        inputs = {part: preparation.apply(collected.frame.iloc[places]) for part, places in chosen.items()}
        filled = [name for name, how in preparation.numbers.items() if how["indicator"]]
        done += [(_("columns left out"), listed(f"{name} ({why})" for name, why in preparation.left_out.items())
                  or _("none")),
                 (_("filled by the median"), listed(filled) or _("none")),
                 (_("standardised"), _("{count} columns, by mean and deviation of the training part").format(
                     count=len(preparation.numbers))),
                 (_("one-hot"), _("{count} columns, {inputs} kinds").format(
                     count=len(preparation.kinds), inputs=sum(map(len, preparation.kinds.values())))),
                 (_("numbers that a row becomes"), str(preparation.inputs))]
    else:
        preparation = ImagePreparation(*collected.pictures.shape[1:])
        inputs = {part: preparation.apply(collected.pictures[places]) for part, places in chosen.items()}
        done.append((_("normalised"), _("bytes divided by 255")))
    done.append((_("dealt"), " / ".join(f"{len(places):,} {_(part)}" for part, places in chosen.items())))
    splits = [Split(inputs[part].contiguous(), torch.from_numpy(collected.labels[chosen[part]])) for part in PARTS]
    return Processed(collected, preparation, Dataset(
        collected.name, *splits, collected.class_names, collected.licence, collected.source, collected.sha256),
        chosen, tuple(done))


def deal(numbers: np.ndarray, seed: int, limit: int | None = None) -> dict[str, np.ndarray]:
    """Places of each part in order of chance; of each class, a fifth validates, a fifth tests, the rest trains."""
    draw = np.random.default_rng(seed)
    keep = 1.0 if limit is None else min(1.0, limit / len(numbers))
    parts = {part: [] for part in PARTS}
    for number in np.unique(numbers):
        places = draw.permutation(np.flatnonzero(numbers == number))
        places = places[:max(5, round(keep * len(places)))]
        ends = np.cumsum([max(1, round(share * len(places))) for share in SHARES])
        for part, some in zip(("validation", "test", "train"), np.split(places, ends), strict=True):
            parts[part].append(some)
    return {part: draw.permutation(np.concatenate(some)) for part, some in parts.items()}


def _twice(collected: Collected) -> tuple[np.ndarray, int]:
    """Which examples stood there before, class and all (N,); and how many are alike but of another class."""
    if collected.kind == "table":
        frame = collected.frame.set_axis(range(collected.frame.shape[1]), axis=1)
    else:
        frame = pd.DataFrame({0: [hashlib.sha256(picture).digest() for picture in collected.pictures]})
    alike = frame.duplicated().to_numpy()
    again = frame.assign(label=collected.labels).duplicated().to_numpy()
    return again, int((alike & ~again).sum())
