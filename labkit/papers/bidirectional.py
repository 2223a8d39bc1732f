"""Read from both sides or from left to right: masked prediction against next-letter prediction, before fine-tuning.

A miniature of BERT's ablation (Devlin et al. 2018, section 5.1): one small encoder, one text, equal steps. Once hidden
letters are named from both sides, once each letter is named from those before it. Then both learn from the same few
labels. The text is `python-docs` without all that is no letter. Its spaces, which are gone, are the labels of a task
that asks something of each letter; whether a row is printed backwards is one that asks something of the whole row.
"""
import copy
import dataclasses
import hashlib
import re

import torch
from torch import nn

from labkit.applications.reviews import hide
from labkit.data.dataset import Dataset, Split
from labkit.data.text import corpus
from labkit.device import eval_mode
from labkit.evaluation import evaluate, predict
from labkit.language import _
from labkit.models.masked import MaskedLanguageModel
from labkit.models.sequence import EncoderTransformer
from labkit.models.transformer import causal_mask
from labkit.papers.copying import sines
from labkit.settings import choose, refuse
from labkit.tokenise import CharacterTokenizer
from labkit.training import Recipe, Run

LENGTH, WIDTH, HEADS, BATCH = 16, 64, 4, 64
KINDS = ("both sides", "left to right")
TASKS = ("words", "backwards")
VALIDATION = 300                # rows that choose a checkpoint


class Reader(EncoderTransformer):
    """One layer over rows of up to 16 letters, which are read from both sides or from left to right.

    Tokens (N, T) int64 to logits: (N, 2) of the mean over the row, or, with `each`, (N, T, 2) of every letter. Letters
    start with deviation 1/√width, and places as sines of that size, as in `labkit.applications.reviews`.
    """

    def __init__(self, vocabulary_size: int, kind: str = KINDS[0], each: bool = True):
        super().__init__(vocabulary_size, 2, WIDTH, 1, HEADS, LENGTH)
        self.causal, self.each = choose("kind", kind, KINDS) == "left to right", each
        nn.init.normal_(self.tokens.weight, std=WIDTH ** -0.5)
        with torch.no_grad():
            self.positions.weight.copy_(sines(LENGTH, WIDTH) * (2 / WIDTH) ** 0.5)

    def features(self, tokens, mask, causal, weights):
        if self.causal:
            later = causal_mask(tokens.shape[1], tokens.device)
            mask = later if mask is None else mask | later
        return super().features(tokens, mask, causal, weights)

    def forward(self, tokens: torch.Tensor, weights: bool = False):
        x, found = self.features(tokens, None, False, weights)
        logits = self.dense(x if self.each else x.mean(1))
        return (logits, found) if weights else logits


def load() -> tuple[Dataset, dict[str, torch.Tensor]]:
    """Rows of 16 letters (N, 16), small, without the spaces between words; and where words begin, {split: (N, 16)}.

    The first 80 % of the text are for training, 10 % each for validation and test. A row is its own target.
    """
    found = corpus("python-docs")
    words = re.findall("[a-z]+", found.text.lower())
    tokenizer = CharacterTokenizer("".join(words))
    starts = torch.zeros(sum(map(len, words)), dtype=torch.int64)
    starts[torch.tensor([0, *map(len, words[:-1])]).cumsum(0)] = 1
    letters = torch.tensor(tokenizer.encode("".join(words)))
    count = len(letters) // LENGTH
    letters, starts = (values[:count * LENGTH].view(count, LENGTH) for values in (letters, starts))
    places = {"train": slice(int(0.8 * count)), "validation": slice(int(0.8 * count), int(0.9 * count)),
              "test": slice(int(0.9 * count), None)}
    splits = {name: Split(letters[place], letters[place]) for name, place in places.items()}
    data = Dataset("letters", **splits, class_names=tokenizer.vocabulary, licence=found.licence, source=found.source,
                   sha256=hashlib.sha256(letters.numpy().tobytes()).hexdigest(),
                   note=_("the letters of python-docs, without spaces"), tokenizer=tokenizer)
    return data, {name: starts[place] for name, place in places.items()}


def asked(data: Dataset, kind: str, seed: int = 0) -> Dataset:
    """What pre-training asks, in the form of `MaskedLanguageModel`: rows with the places to name, and what is there.

    From both sides: two of the 16 letters, hidden as BERT hides them, others in each of two copies of a row. From left
    to right: at each place but the last, the letter that comes next. So this kind is asked 15 times as against 2.
    """
    mask, draw = len(data.tokenizer), torch.Generator().manual_seed(seed)

    def questions(rows: torch.Tensor, copies: int) -> Split:
        if choose("kind", kind, KINDS) == "both sides":
            return hide(rows.repeat(copies, 1), mask, draw)
        places = torch.arange(LENGTH - 1).expand(len(rows), -1)
        return Split(torch.cat([rows, places], 1), rows[:, 1:])
    train = questions(data.train.inputs, 2)
    validation = questions(data.validation.inputs[:VALIDATION], 1)
    return dataclasses.replace(data, train=train, validation=validation, test=validation,
                               class_names=(*data.tokenizer.vocabulary, "<mask>"))


def pretraining(data: Dataset, kind: str, steps: int, seed: int = 0, threads: int | None = None) -> Run:
    """The run, not yet begun; afterwards `run.model.encoder` is the reader."""
    counts = torch.bincount(data.train.inputs.flatten(), minlength=len(data.tokenizer) + 1).float()
    recipe = Recipe(steps=steps, batch_size=BATCH, learning_rate=5e-3, schedule="one-cycle", warmup=0.1,
                    validate_every=max(1, steps // 10), seed=seed)
    return Run(lambda: MaskedLanguageModel(Reader(len(counts), kind), LENGTH, counts), asked(data, kind, seed), recipe,
               "cpu", threads=threads)


def task(data: Dataset, starts: dict[str, torch.Tensor], name: str, labels: int, test: int = 600,
         seed: int = 0) -> Dataset:
    """`labels` labelled rows, drawn at random, 300 for validation and `test` for the test.

    "words": 1 where a word begins (N, 16). "backwards": half of the rows are reversed, and 1 says which, (N,).
    """
    choose("task", name, TASKS)
    if isinstance(labels, bool) or not isinstance(labels, int) or not 2 <= labels <= len(data.train):
        raise refuse("labels", labels, _("2 to {count}").format(count=len(data.train)))
    draw, parts = torch.Generator().manual_seed(seed), {}
    chosen = torch.randperm(len(data.train), generator=draw)[:labels]
    for split, rows in (("train", chosen), ("validation", slice(VALIDATION)), ("test", slice(test))):
        letters, begins = getattr(data, split).inputs[rows], starts[split][rows]
        if name == "words":
            parts[split] = Split(letters, begins)
        else:
            turned = torch.randint(2, (len(letters),), generator=torch.Generator().manual_seed(seed + 1))
            parts[split] = Split(torch.where(turned[:, None] == 1, letters.flip(1), letters), turned)
    return dataclasses.replace(data, **parts, class_names=("no", "yes"))


def fine_tune(start: Reader | None, labelled: Dataset, steps: int, kind: str | None = None, seed: int = 0,
              threads: int | None = None) -> Reader:
    """A copy of `start`, or a new reader for None, trained on `labelled`; at the lowest validation loss.

    `kind` says how it reads from now on; None leaves it as it was (a new one reads from both sides).
    """
    each = labelled.train.targets.ndim == 2

    def build() -> Reader:
        reader = Reader(len(labelled.tokenizer) + 1) if start is None else copy.deepcopy(start)
        reader.each, reader.causal = each, reader.causal if kind is None else kind == "left to right"
        nn.init.normal_(reader.dense.weight, std=WIDTH ** -0.5)
        return reader
    recipe = Recipe(steps=steps, batch_size=min(32, len(labelled.train)), learning_rate=3e-3, schedule="one-cycle",
                    validate_every=max(1, steps // 5), seed=seed)
    run = Run(build, labelled, recipe, "cpu", threads=threads)
    for _step in run:
        pass
    run.load_best()
    return run.model


def f1(named: torch.Tensor, truth: torch.Tensor) -> float:
    """Twice the common ones over the ones of both (0 where there are none): 0/1 tensors of one shape."""
    both = int(((named == 1) & (truth == 1)).sum())
    return 2 * both / max(1, int((named == 1).sum() + (truth == 1).sum()))


def score(reader: Reader, part: Split) -> float:
    """F1 of the word starts, or the accuracy over whole rows."""
    if part.targets.ndim == 1:
        return evaluate(reader, part).accuracy
    return f1(predict(reader, part.inputs).argmax(2), part.targets)


def compare(readers: dict[str, Reader], labelled: Dataset, steps: int, seed: int = 0, threads: int | None = None,
            names: tuple[str, ...] | None = None) -> tuple[dict[str, float], dict[str, Reader]]:
    """Scores on test rows and the fine-tuned readers, by name: each kind of `readers`, the one from left to right
    "freed" (fine-tuned with both sides in sight), and one with no pre-training; or only those in `names`."""
    both, left = (readers[kind] for kind in KINDS)
    starts = {"both sides": (both, None), "left to right": (left, None), "left to right, freed": (left, "both sides"),
              "no pre-training": (None, None)}
    tuned = {name: fine_tune(start, labelled, steps, kind, seed, threads) for name, (start, kind) in starts.items()
             if names is None or name in names}
    return {name: score(reader, labelled.test) for name, reader in tuned.items()}, tuned


def letters_of(text: str) -> str:
    """The English letters of a text, small. Raises `SettingError` where there are none."""
    found = "".join(re.findall("[a-z]", text.lower())) if isinstance(text, str) else ""
    if not found:
        raise refuse("text", text, _("a text with English letters"))
    return found


def segment(reader: Reader, text: str, tokenizer: CharacterTokenizer) -> str:
    """The letters of `text` with a space before each that the reader takes for the start of a word.

    They are read in pieces of 16; a piece's first letter has nothing before it that could be seen.
    """
    letters = letters_of(text)
    spaced = ""
    for start in range(0, len(letters), LENGTH):
        piece = letters[start:start + LENGTH]
        named = predict(reader, torch.tensor([tokenizer.encode(piece)])).argmax(2)[0].tolist()
        spaced += "".join(" " * begins + letter for letter, begins in zip(piece, named, strict=True))
    return spaced.strip()


def looks(reader: Reader, text: str, tokenizer: CharacterTokenizer) -> torch.Tensor:
    """Attention weights (heads, T, T) over the first 16 letters of `text`."""
    with eval_mode(reader), torch.inference_mode():
        return reader(torch.tensor([tokenizer.encode(letters_of(text)[:LENGTH])]), weights=True)[1][0][0].clone()


def recorded(record: dict | None, name: str) -> dict[str, list[float]]:
    """Of recorded runs: each reader's scores on the task `name`, one for each seed; {} without a record."""
    found: dict[str, list[float]] = {}
    for run in (record or {"runs": []})["runs"]:
        if (run["part"], run.get("task")) == ("bert", name):
            found.setdefault(run["model"], []).append(run["score"])
    return found
