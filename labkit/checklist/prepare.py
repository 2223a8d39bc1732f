"""From what was collected to what a network reads. Whatever is measured is measured on the training part alone.

A preparation is a few plain numbers and names: it is saved as JSON beside the weights, and used for each answer.
"""
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from labkit.checklist import images
from labkit.checklist.report import listed
from labkit.language import _
from labkit.settings import refuse

MAX_KINDS = 30      # of a column of words: more are an identifier, or free text
MISSING = "–"       # the kind that stands for no word


@dataclass(frozen=True)
class TablePreparation:
    """How a row becomes numbers.

    numbers     {column: {"median", "mean", "deviation", "indicator"}}: empty cells get the median, then mean 0 and
                deviation 1; an indicator column says where a cell was empty, if one was in training
    kinds       {column: its kinds}: a column of 0 and 1 for each (one-hot), all 0 for a kind not seen in training
    left_out    {column: why}
    """
    numbers: dict[str, dict]
    kinds: dict[str, list[str]]
    left_out: dict[str, str]

    @property
    def inputs(self) -> int:
        """How many numbers a row becomes."""
        return (len(self.numbers) + sum(how["indicator"] for how in self.numbers.values())
                + sum(map(len, self.kinds.values())))

    def apply(self, frame: pd.DataFrame) -> torch.Tensor:
        """float32 (rows, inputs). The frame has the columns of training, in any order."""
        columns = []
        for name, how in self.numbers.items():
            values = frame[name].to_numpy("float64")
            missing = np.isnan(values)
            columns.append((np.where(missing, how["median"], values) - how["mean"]) / how["deviation"])
            if how["indicator"]:
                columns.append(missing)
        for name, kinds in self.kinds.items():
            values = frame[name].astype(object).where(frame[name].notna(), MISSING).to_numpy()
            columns += [values == kind for kind in kinds]
        return torch.from_numpy(np.stack(columns, axis=1).astype("float32"))

    def blank(self) -> dict:
        """A row of which nothing is known."""
        return dict.fromkeys([*self.numbers, *self.kinds])

    def one(self, row: Mapping) -> torch.Tensor:
        """A row as float32 (1, inputs). Raises `SettingError` for what is not a row of such a table."""
        names = [*self.numbers, *self.kinds]
        if not isinstance(row, Mapping):
            raise refuse("row", row, _("a dictionary of {names}").format(names=listed(names, 20)))
        absent = [name for name in names if name not in row]
        if absent:
            raise refuse("row", listed(row, 20), listed(names, 20), _("Missing: {names}.").format(names=listed(absent)))
        clean = {}
        for name in self.numbers:
            value = row[name]
            good = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not (value is None or good and (np.isfinite(value) or np.isnan(value))):
                raise refuse(name, value, _("a finite number, or None where it is not known"))
            clean[name] = np.nan if value is None else float(value)
        for name in self.kinds:
            if not (row[name] is None or isinstance(row[name], str)):
                raise refuse(name, row[name], _("a word, or None where it is not known"))
            clean[name] = row[name]
        return self.apply(pd.DataFrame({name: pd.Series([value], dtype=float if name in self.numbers else object)
                                        for name, value in clean.items()}))


@dataclass(frozen=True)
class ImagePreparation:
    """The size of a picture; training divides its bytes by 255."""
    channels: int
    height: int
    width: int

    def __post_init__(self):
        sides = (self.height, self.width)
        if self.channels not in (1, 3) or not all(isinstance(side, int) and 1 <= side <= images.KEPT for side in sides):
            raise refuse("preparation", (self.channels, *sides),
                         _("1 or 3 channels, and sides of at most {most}").format(most=images.KEPT))

    def apply(self, pictures: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pictures)

    def blank(self) -> np.ndarray:
        """A black picture."""
        return np.zeros((self.channels, self.height, self.width), dtype="uint8")

    def one(self, picture) -> torch.Tensor:
        """A picture as uint8 (1, channels, height, width): from such an array without the 1, or a file's bytes."""
        shape = (self.channels, self.height, self.width)
        if isinstance(picture, bytes):
            try:
                picture = images.opened(picture, _("the picture"))
            except images.NotAPicture as error:
                raise refuse("picture", picture[:8], ", ".join(images.FORMATS)) from error
            picture = images.as_array(picture, self.channels, (self.width, self.height))
        picture = torch.as_tensor(picture)
        if picture.dtype != torch.uint8 or tuple(picture.shape) != shape:
            raise refuse("picture", f"{picture.dtype} {tuple(picture.shape)}", _("uint8 of shape {shape}, or the "
                         "bytes of a file").format(shape=shape))
        return picture[None]


def counters(frame: pd.DataFrame) -> list[str]:
    """Columns that count the rows in their order, by whole numbers one apart: they tell when a row was written down."""
    return [name for name in frame if pd.api.types.is_numeric_dtype(frame[name]) and len(frame) > 2
            and (frame[name].diff().iloc[1:] == 1).all()]


def fit(frame: pd.DataFrame, counting: list[str] = ()) -> TablePreparation:
    """The preparation that these rows, of the training part, ask for. Columns named in `counting` are left out."""
    numbers, kinds, left_out = {}, {}, {name: _("counts the rows") for name in counting}
    for name in frame.columns.drop(list(counting)):
        column = frame[name]
        known = column.dropna()
        if known.nunique() + column.isna().any() < 2:
            left_out[name] = _("one value only")
        elif pd.api.types.is_numeric_dtype(column):
            median = float(known.median())
            filled = column.fillna(median).to_numpy("float64")
            numbers[name] = {"median": median, "mean": float(filled.mean()), "deviation": float(filled.std()) or 1.0,
                             "indicator": bool(column.isna().any())}
        elif known.nunique() > MAX_KINDS or known.nunique() > len(known) / 2:
            left_out[name] = _("{count:,} different words").format(count=known.nunique())
        else:
            kinds[name] = sorted(map(str, known.unique())) + ([MISSING] if column.isna().any() else [])
    if not numbers and not kinds:
        raise refuse(_("columns"), listed(left_out.items()), _("a column that can tell examples apart"))
    return TablePreparation(numbers, kinds, left_out)
