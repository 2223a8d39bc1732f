"""What happened in a run: one row a step, kept in columns."""
from array import array

import numpy as np

NAN = float("nan")
COLUMNS = ("step", "epoch", "learning_rate", "train_loss", "train_accuracy", "validation_loss",
           "validation_accuracy")


class History:
    """The rows of a run. `history["train_loss"]` is a NumPy array with one value a step (a copy).

    `train_loss` and `train_accuracy` are those of the step's own batch, before its update; the validation
    columns are NaN where nothing was validated. Appending takes constant time however long the run.

    threads             torch threads of the run, chosen or fixed
    device              where it ran, in words
    seconds             spent training, without validation and without the caller's own code
    images              examples trained on, so that `images_per_second` is the speed of training alone
    messages            what the run had to say: a smaller batch, an early stop
    """

    def __init__(self):
        self._columns = {name: array("d") for name in COLUMNS}
        self.threads: int | None = None
        self.device = ""
        self.seconds = 0.0
        self.images = 0
        self.messages: list[str] = []

    def __len__(self) -> int:
        return len(self._columns["step"])

    def __repr__(self) -> str:
        last = {name: self.last(name) for name in COLUMNS[3:]}
        values = "".join(f", {name} {value:.4g}" for name, value in last.items() if value == value)
        return f"<History of {len(self):,} steps{values}>"

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            raise KeyError(f"{name!r} is not a column; there are {', '.join(COLUMNS)}")
        return np.array(self._columns[name][:])     # a copy: NumPy must not look into what a thread may grow

    def append(self, step: int, epoch: int, learning_rate: float, train_loss: float,
               train_accuracy: float) -> None:
        """Add the row of one step."""
        row = (step, epoch, learning_rate, train_loss, train_accuracy, NAN, NAN)
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def set_validation(self, loss: float, accuracy: float) -> None:
        """Write a validation result into the last row."""
        self._columns["validation_loss"][-1] = loss
        self._columns["validation_accuracy"][-1] = accuracy

    @property
    def images_per_second(self) -> float:
        """Training speed; NaN before the first step."""
        return self.images / self.seconds if self.seconds else NAN

    def last(self, name: str) -> float:
        """The newest value of a column that is not NaN, or NaN if there is none."""
        return next((value for value in reversed(self._columns[name]) if value == value), NAN)

    def frame(self):
        """All rows as a pandas `DataFrame`."""
        import pandas as pd
        frame = pd.DataFrame({name: self[name] for name in COLUMNS})
        return frame.astype({"step": int, "epoch": int})

    def state(self) -> dict:
        """Everything as plain values and tensors, for a checkpoint."""
        import torch
        columns = {name: torch.tensor(column, dtype=torch.float64) for name, column in self._columns.items()}
        return {"columns": columns, "threads": self.threads, "device": self.device, "seconds": self.seconds,
                "images": self.images, "messages": list(self.messages)}

    @classmethod
    def from_state(cls, state: dict) -> "History":
        """The history that `state` was made from."""
        history = cls()
        for name, column in state["columns"].items():
            history._columns[name] = array("d", column.tolist())
        for name in ("threads", "device", "seconds", "images", "messages"):
            setattr(history, name, state[name])
        return history
