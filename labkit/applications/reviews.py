"""Is a Chinese review content or not? A bag of characters, and a small encoder that first reads without labels."""
import copy
import dataclasses

import torch
from torch import nn

from labkit import data as sets
from labkit.data.dataset import Dataset, Split
from labkit.evaluation import evaluate, predict
from labkit.language import _
from labkit.models.masked import MaskedLanguageModel
from labkit.models.sequence import EncoderTransformer
from labkit.settings import refuse
from labkit.tokenise import PADDING, SPECIAL, UNKNOWN
from labkit.training import Recipe, Run

CONTEXT = 64                        # characters that the encoder sees at once
SHORT = 16                          # characters of a row in the first part of pre-training
ROW_TOKENS = 1024                   # characters of a batch in pre-training
WIDTH = 64
LONGEST = 1000                      # characters of a text to classify


def load() -> Dataset:
    """`reviews-zh` without those training reviews that are test or validation reviews but for their punctuation."""
    data = sets.load("reviews-zh")
    words = torch.tensor([token.isalnum() for token in data.tokenizer.vocabulary])
    words[:len(SPECIAL)] = torch.tensor([False, True])

    def plain(rows: torch.Tensor) -> list[tuple]:
        return [tuple(row[words[row]].tolist()) for row in rows]
    held_out = {*plain(data.validation.inputs), *plain(data.test.inputs)}
    kept = torch.tensor([row not in held_out for row in plain(data.train.inputs)])
    return dataclasses.replace(data, train=Split(data.train.inputs[kept], data.train.targets[kept]))


def encoder(data: Dataset) -> EncoderTransformer:
    """One layer of width 64 with four heads; the last of its token ids is the mask.

    Tokens and places start with deviation 1/8 = 1/√width, places as sines (Vaswani et al. 2017).
    """
    model = EncoderTransformer(len(data.tokenizer) + 1, 2, WIDTH, 1, 4, CONTEXT, padding=PADDING)
    angles = torch.arange(CONTEXT)[:, None] * 10000 ** (-torch.arange(0, WIDTH, 2) / WIDTH)
    with torch.no_grad():
        nn.init.normal_(model.tokens.weight, std=WIDTH ** -0.5)
        model.positions.weight.copy_(torch.stack([angles.sin(), angles.cos()], 2).flatten(1) * (2 / WIDTH) ** 0.5)
    return model


def masked_model(data: Dataset, length: int = SHORT) -> MaskedLanguageModel:
    """The encoder with a head that names hidden tokens in rows of `length`."""
    counts = torch.bincount(data.train.inputs.flatten(), minlength=len(data.tokenizer) + 1).float()
    counts[PADDING] = 0
    return MaskedLanguageModel(encoder(data), length, counts)


def masked(data: Dataset, length: int = SHORT, copies: int = 1, seed: int = 0) -> Dataset:
    """The reviews of `data` without their labels, for `masked_model`.

    Reviews follow one another without padding, in rows of `length`. Each row is there `copies` times, with other tokens
    hidden each time. Neither labels nor test reviews are used: the test split is the validation split.
    """
    mask, draw = len(data.tokenizer), torch.Generator().manual_seed(seed)
    rows = {name: _rows(getattr(data, name).inputs, length) for name in ("train", "validation")}
    train, validation = hide(rows["train"].repeat(copies, 1), mask, draw), hide(rows["validation"], mask, draw)
    return dataclasses.replace(data, train=train, validation=validation, test=validation,
                               class_names=(*data.tokenizer.vocabulary, "<mask>"))


def hide(tokens: torch.Tensor, mask: int, draw: torch.Generator) -> Split:
    """15 % of the places of each row (N, T), P of them: inputs (N, T + P), the row and these places; targets (N, P).

    Of the chosen tokens 80 % become `mask`, 10 % another token (any id from 2 to mask - 1), 10 % stay as they are.
    """
    places = torch.rand(tokens.shape, generator=draw).argsort(1)[:, :max(1, round(0.15 * tokens.shape[1]))]
    targets, kinds = tokens.gather(1, places), torch.rand(places.shape, generator=draw)
    others = torch.randint(len(SPECIAL), mask, places.shape, generator=draw)
    shown = torch.where(kinds < 0.8, mask, torch.where(kinds < 0.9, others, targets))
    return Split(torch.cat([tokens.scatter(1, places, shown), places], 1), targets)


def _rows(reviews: torch.Tensor, length: int) -> torch.Tensor:
    tokens = reviews[reviews != PADDING]
    return tokens[:len(tokens) // length * length].view(-1, length)


def pretrain(data: Dataset, steps: int, long_steps: int, seed: int = 0, threads: int | None = None) -> list[Run]:
    """Two finished runs of one model: on rows of 16 characters, then on rows of 64; both have it as `.model`.

    BERT too sees short rows first, for 90 % of its steps. Here they are what makes it learn: 1,000 steps on rows of 64
    alone, with two layers, left a validation loss of 5.8; the frequencies of single characters give 6.2.
    """
    model, runs = None, []
    for length, count in ((SHORT, steps), (CONTEXT, long_steps)):
        if model is not None:
            model.length = length
        recipe = Recipe(steps=count, batch_size=ROW_TOKENS // length, learning_rate=3e-3, warmup=min(0.5, 50 / count),
                        validate_every=count, seed=seed)
        rows = masked(data, length, 2, seed)
        rows = rows.first(validation=min(500, len(rows.validation)))
        run = Run(model or (lambda: masked_model(data)), rows, recipe, threads=threads)
        for _step in run:
            pass
        model = run.model
        runs.append(run)
    return runs


def few(data: Dataset, labels: int, seed: int = 0, validation: int | None = None) -> Dataset:
    """`data` with only `labels` training reviews, drawn at random; and the first `validation` of that split."""
    if isinstance(labels, bool) or not isinstance(labels, int) or not 2 <= labels <= len(data.train):
        raise refuse("labels", labels, _("2 to {count}").format(count=len(data.train)))
    chosen = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))[:labels]
    return dataclasses.replace(data.first(validation=validation),
                               train=Split(data.train.inputs[chosen], data.train.targets[chosen]))


def fine_tune(model, data: Dataset, steps: int, learning_rate: float, seed: int = 0,
              threads: int | None = None) -> Run:
    """A finished run of `model` (a module, trained in place, or a function that builds one) on the labels of `data`.

    It ends with the weights that had the lowest validation loss.
    """
    recipe = Recipe(steps=steps, batch_size=min(32, len(data.train)), learning_rate=learning_rate,
                    schedule="one-cycle", validate_every=max(1, steps // 5), seed=seed)
    run = Run(model, data, recipe, threads=threads)
    for _step in run:
        pass
    run.load_best()
    return run


def compare(data: Dataset, start: nn.Module, labels: int, steps: int, draw: int = 0, seed: int = 0,
            threads: int | None = None) -> tuple[dict[str, float], Run]:
    """Accuracy on test reviews, {name: share}, of three models with the same `labels` reviews (set number `draw`).

    `start` is a pre-trained encoder, which stays as it is; also returned is the run of its fine-tuned copy. Both
    encoders get the same steps and rate, and 300 validation reviews to choose a checkpoint.
    """
    few_labels = few(data, labels, draw, validation=300)
    runs = {name: fine_tune(model, few_labels, steps, 1e-3, seed, threads)
            for name, model in (("pre-trained", copy.deepcopy(start)), ("from scratch", lambda: encoder(data)))}
    scores = {name: evaluate(run.model, data.test).accuracy for name, run in runs.items()}
    return scores | {"bag of characters": BagOfCharacters(few_labels, 0.3).accuracy(data.test)}, runs["pre-trained"]


class BagOfCharacters:
    """Which characters a review holds, in any order, and a logistic regression (scikit-learn) on that.

    `strength` is scikit-learn's C, the inverse of the penalty on the weights.
    """

    def __init__(self, data: Dataset, strength: float = 1.0):
        from sklearn.linear_model import LogisticRegression
        self.size = len(data.tokenizer)
        self.regression = LogisticRegression(C=strength, max_iter=1000)
        self.regression.fit(self.features(data.train.inputs), data.train.targets.numpy())

    def features(self, rows: torch.Tensor):
        """1 for each character that a row holds, (N, vocabulary), sparse."""
        from scipy.sparse import csr_array
        places = rows.ne(PADDING).nonzero()
        found = csr_array((torch.ones(len(places)).numpy(), (places[:, 0].numpy(), rows[rows != PADDING].numpy())),
                          shape=(len(rows), self.size))
        return found.minimum(1)

    def accuracy(self, split: Split) -> float:
        return float(self.regression.score(self.features(split.inputs), split.targets.numpy()))


class Classifier:
    """The product: `classify(text)` gives a class, its probability, and how many characters the model knew.

    A text is read in pieces of 64 characters, whose probabilities are averaged, each with its length. Raises
    `SettingError` for what is not a text of 1 to 1,000 characters, or has no character that the model has learnt.
    """

    def __init__(self, model: nn.Module, data: Dataset):
        self.model, self.tokenizer, self.class_names = model, data.tokenizer, data.class_names

    def __call__(self, text: str) -> dict:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            shown = text if not isinstance(text, str) or len(text) <= LONGEST else _("{count} characters").format(
                count=len(text))
            raise refuse("text", shown, _("a text of 1 to {longest} characters").format(longest=LONGEST))
        ids = self.tokenizer.encode(text.strip())
        known = sum(number != UNKNOWN for number in ids)
        if not known:
            raise refuse("text", text, _("a text with characters that occur in the training reviews"))
        pieces = [ids[start:start + CONTEXT] for start in range(0, len(ids), CONTEXT)]
        rows = torch.tensor([piece + [PADDING] * (max(map(len, pieces)) - len(piece)) for piece in pieces])
        lengths = torch.tensor([float(len(piece)) for piece in pieces])
        probabilities = lengths @ predict(self.model, rows).softmax(1) / lengths.sum()
        best = int(probabilities.argmax())
        return {"class": self.class_names[best], "probability": float(probabilities[best]),
                "characters": len(ids), "known": known}
