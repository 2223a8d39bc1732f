"""A scaling law in miniature: the loss of a small language model against its parameters and its characters.

The model is that of Bengio et al. 2003 ("A neural probabilistic language model"): the last CONTEXT characters, each as
a vector, through one hidden layer, to the next character. Each run sees its characters once, in one pass whose learning
rate falls to 0 at its end, since a run that is cut short lies above the law (Hoffmann et al. 2022, arXiv:2203.15556,
section 3.1). The learning rate by width was chosen on validation text, with seed 100; losses are those on test text.
"""
import dataclasses
import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from labkit.data import load
from labkit.data.dataset import Dataset, Split
from labkit.evaluation import evaluate
from labkit.language import _
from labkit.models.vision import parameter_count
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

CONTEXT, VECTOR, BATCH = 8, 16, 64
WIDTHS = (8, 32, 128)                               # units of the hidden layer
CHARACTERS = (12_000, 24_000, 48_000, 96_000)       # that a run learns to predict
BEYOND = (400, 288_000)                             # the run that is predicted: 3 times as large, on 3 times the text
NAMES = {"sum": ("E", "A", "a", "B", "b"), "joint": ("A", "a", "B", "b")}
LAWS = tuple(NAMES)
LOGARITHMS = ("E", "A", "B")                        # of these numbers the fit moves the logarithm
HUBER = 1e-3                                        # Hoffmann et al. 2022, appendix D.2


class ContextModel(nn.Module):
    """Characters (N, CONTEXT) int64 to logits (N, vocabulary) for the one that follows."""

    def __init__(self, vocabulary: int, width: int):
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, VECTOR)
        self.hidden, self.out = nn.Linear(CONTEXT * VECTOR, width), nn.Linear(width, vocabulary)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        return self.out(F.relu(self.hidden(self.vectors(characters).flatten(1))))


def windows(text: Dataset | None = None) -> Dataset:
    """Every place of the text (python-docs unless given) as an example: CONTEXT characters, and the one that follows.

    Validation keeps 512 places in even steps, since a run looks at it at its end.
    """
    text = load("python-docs") if text is None else text
    splits = {}
    for name in ("train", "validation", "test"):
        part = getattr(text, name)
        rows = torch.cat([part.inputs.flatten(), part.targets[-1, -1:]]).unfold(0, CONTEXT + 1, 1)
        splits[name] = Split(rows[:, :-1].contiguous(), rows[:, -1].contiguous())
    held_out = splits["validation"]
    places = torch.linspace(0, len(held_out) - 1, min(512, len(held_out))).long()
    splits["validation"] = Split(held_out.inputs[places], held_out.targets[places])
    return dataclasses.replace(text, **splits)


def learning_rate(width: int) -> float:
    """Wider models want smaller steps: 0.03 at 8 units, 0.0093 at 400."""
    return 0.03 * (8 / width) ** 0.3


def train(data: Dataset, width: int, characters: int, seed: int = 0) -> Run:
    """One pass over `characters` places that the seed draws from the training text of `windows()`."""
    if not BATCH <= characters <= len(data.train):
        raise refuse("characters", characters, _("{low} to {high}").format(low=BATCH, high=len(data.train)))
    drawn = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))[:characters]
    part = dataclasses.replace(data, train=Split(data.train.inputs[drawn], data.train.targets[drawn]))
    recipe = Recipe(batch_size=BATCH, learning_rate=learning_rate(width), schedule="cosine", warmup=0.1, seed=seed)
    run = Run(lambda: ContextModel(len(data.class_names), width), part, recipe, "cpu", threads=1)
    for _step in run:
        pass
    return run


def measure(data: Dataset, widths: Iterable[int] = WIDTHS, characters: Iterable[int] = CHARACTERS,
            seed: int = 0) -> list[dict]:
    """A run for each width and number of characters: parameters, characters, test loss in nats a character, seconds."""
    found = []
    for width in widths:
        for count in characters:
            began = time.perf_counter()
            model = train(data, width, count, seed).model
            found.append({"width": width, "parameters": parameter_count(model), "characters": count,
                          "loss": evaluate(model, data.test, 4096).loss, "seconds": time.perf_counter() - began,
                          "seed": seed})
    return found


def recorded(record: dict) -> list[dict]:
    """The runs of this lab in chapter 8's record."""
    return [run for run in record["runs"] if run["part"] == "scaling"]


def beside(live: list[dict], of_record: list[dict]):
    """A data frame of the live runs, columns parameters, characters, loss here, recorded mean loss of that size."""
    import pandas
    means = {(run["width"], run["characters"]): run["loss"] for run in mean(of_record)}
    rows = [(run["parameters"], run["characters"], run["loss"], means[run["width"], run["characters"]])
            for run in live]
    return pandas.DataFrame(rows, columns=[_("parameters"), _("characters"), _("loss here"), _("recorded")]).round(3)


def mean(runs: list[dict]) -> list[dict]:
    """One row for each width and number of characters: the mean loss of its seeds."""
    groups: dict[tuple, list[dict]] = {}
    for run in runs:
        groups.setdefault((run["width"], run["characters"]), []).append(run)
    return [{**group[0], "loss": statistics.mean(run["loss"] for run in group)} for group in groups.values()]


def smaller(runs: list[dict], sizes: int = len(WIDTHS), lengths: int = len(CHARACTERS)) -> list[dict]:
    """The runs that a law is fitted to: those of the first `sizes` of WIDTHS and `lengths` of CHARACTERS, all twelve
    unless given."""
    return [run for run in runs if run["width"] in WIDTHS[:sizes] and run["characters"] in CHARACTERS[:lengths]]


def beyond(runs: list[dict]) -> list[dict]:
    """The runs of the size that is predicted."""
    return [run for run in runs if (run["width"], run["characters"]) == BEYOND]


@dataclass(frozen=True)
class Law:
    """A fitted law. `numbers` go by NAMES, `misfit` is the mean relative error.

    sum     L = E + A / N^a + B / D^b             (Hoffmann et al. 2022, equation 10)
    joint   L = ((A / N)^(a/b) + B / D)^b         (Kaplan et al. 2020, arXiv:2001.08361, equation 1.5)
    """
    kind: str
    numbers: tuple[float, ...]
    misfit: float

    def loss(self, parameters, characters):
        """The loss that the law expects of N parameters after D characters; numbers, or arrays of one shape."""
        inside = [math.log(value) if name in LOGARITHMS else value
                  for name, value in zip(NAMES[self.kind], self.numbers, strict=True)]
        return np.exp(_log_loss(self.kind, inside, np.log(parameters), np.log(characters)))


def fit(runs: list[dict], kind: str = "sum") -> Law:
    """Fit a law of LAWS to at least as many runs as it has numbers: differences of logarithms, Huber's loss.

    Exponents are kept in 0.01..2. Few runs over a narrow range leave E nearly free.
    """
    from scipy.optimize import least_squares
    choose("kind", kind, LAWS)
    needed = len(NAMES[kind])
    if len(runs) < needed:
        raise refuse("runs", len(runs), _("at least {count} runs, one for each number of the law").format(count=needed))
    size, text, loss = (np.log([run[name] for run in runs]) for name in ("parameters", "characters", "loss"))

    low, high, starts = {
        "sum": ([-4, -5, 0.01, -5, 0.01], [3, 30, 2, 30, 2], [(0, 3, 0.4, 4, 0.4), (-2, 1, 0.15, 3, 0.4)]),
        "joint": ([-20, 0.01, -20, 0.01], [60, 2, 60, 2], [(12, 0.2, 12, 0.25)])}[kind]
    best = min((least_squares(lambda inside: _log_loss(kind, inside, size, text) - loss, start, bounds=(low, high),
                              jac=lambda inside: _slopes(kind, inside, size, text), loss="huber", f_scale=HUBER,
                              x_scale=np.abs(start) + 0.1, max_nfev=100) for start in starts),
               key=lambda found: found.cost)
    numbers = tuple(math.exp(value) if name in LOGARITHMS else float(value)
                    for name, value in zip(NAMES[kind], best.x, strict=True))
    return Law(kind, numbers, float(np.abs(np.expm1(_log_loss(kind, best.x, size, text) - loss)).mean()))


def fits(runs: list[dict], sizes: int = len(WIDTHS), lengths: int = len(CHARACTERS)) -> dict[str, Law]:
    """Both laws, fitted to the same runs: see `smaller`."""
    return {kind: fit(smaller(runs, sizes, lengths), kind) for kind in LAWS}


def _log_loss(kind: str, inside, size, text):
    """The logarithm of the law, from logarithms: nothing overflows while the fit tries wild numbers."""
    if kind == "sum":
        floor, factor, exponent, text_factor, text_exponent = inside
        return np.logaddexp(np.logaddexp(factor - exponent * size, text_factor - text_exponent * text), floor)
    factor, exponent, text_factor, text_exponent = inside
    return text_exponent * np.logaddexp(exponent / text_exponent * (factor - size), text_factor - text)


def _slopes(kind: str, inside, size, text) -> np.ndarray:
    """The derivative of `_log_loss` by each number of the law, (runs, numbers): an explorer fits while a slider moves.
    """
    whole = _log_loss(kind, inside, size, text)
    if kind == "sum":
        floor, factor, exponent, text_factor, text_exponent = inside
        by_size = np.exp(factor - exponent * size - whole)
        by_text = np.exp(text_factor - text_exponent * text - whole)
        return np.stack([np.exp(floor - whole), by_size, -size * by_size, by_text, -text * by_text], axis=1)
    factor, exponent, text_factor, text_exponent = inside
    ratio = exponent / text_exponent * (factor - size)
    by_size = np.exp(ratio - whole / text_exponent)
    by_text = np.exp(text_factor - text - whole / text_exponent)
    return np.stack([by_size * exponent, by_size * (factor - size), by_text * text_exponent,
                     whole / text_exponent - by_size * ratio], axis=1)


def check(laws: dict[str, Law], run: dict) -> list[list]:
    """A row for each law: its name, misfit in per cent, the loss expected of `run`, its measured loss, error in per
    cent (above 0 where the run came out better than expected)."""
    expected = {kind: float(law.loss(run["parameters"], run["characters"])) for kind, law in laws.items()}
    return [[_(kind), 100 * laws[kind].misfit, value, run["loss"], 100 * (value / run["loss"] - 1)]
            for kind, value in expected.items()]


def power_law(sizes, losses) -> tuple[float, float]:
    """Exponent and factor of L = factor / size^exponent, by least squares on logarithms: the law with one variable."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(losses), 1)
    return float(-slope), float(math.exp(intercept))
