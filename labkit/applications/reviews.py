"""Is a Chinese review content or not? A bag of characters, and a small encoder that first reads without labels."""
import dataclasses

import torch
from torch import nn

from labkit import data as sets
from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.language import _
from labkit.models.sequence import EncoderTransformer
from labkit.settings import refuse
from labkit.tokenise import PADDING, SPECIAL, UNKNOWN
from labkit.training import Recipe, Run

CONTEXT = 64                        # characters that the encoder sees at once
PLACES = round(0.15 * CONTEXT)      # of them are to be named in pre-training: BERT's 15 %
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
    """Two layers of width 64 with four heads; the last of its token ids is the mask."""
    return EncoderTransformer(len(data.tokenizer) + 1, 2, 64, 2, 4, CONTEXT, padding=PADDING)


def masked(data: Dataset, copies: int = 1, seed: int = 0) -> Dataset:
    """The reviews of `data` without their labels, for `labkit.models.MaskedLanguageModel`.

    Reviews follow one another without padding, in rows of 64. Each row is there `copies` times, with other tokens
    hidden each time. Neither labels nor test reviews are used: the test split is the validation split.
    """
    mask, draw = len(data.tokenizer), torch.Generator().manual_seed(seed)
    rows = {name: _rows(getattr(data, name).inputs) for name in ("train", "validation")}
    train, validation = hide(rows["train"].repeat(copies, 1), mask, draw), hide(rows["validation"], mask, draw)
    return dataclasses.replace(data, train=train, validation=validation, test=validation,
                               class_names=(*data.tokenizer.vocabulary, "<mask>"))


def hide(tokens: torch.Tensor, mask: int, draw: torch.Generator) -> Split:
    """Ten places of each row (N, 64) to be named: inputs (N, 74), the row and these places; targets (N, 10).

    Of the chosen tokens 80 % become `mask`, 10 % another token (any id from 2 to mask - 1), 10 % stay as they are.
    """
    places = torch.rand(tokens.shape, generator=draw).argsort(1)[:, :PLACES]
    targets, kinds = tokens.gather(1, places), torch.rand(places.shape, generator=draw)
    others = torch.randint(len(SPECIAL), mask, places.shape, generator=draw)
    shown = torch.where(kinds < 0.8, mask, torch.where(kinds < 0.9, others, targets))
    return Split(torch.cat([tokens.scatter(1, places, shown), places], 1), targets)


def _rows(reviews: torch.Tensor) -> torch.Tensor:
    tokens = reviews[reviews != PADDING]
    return tokens[:len(tokens) // CONTEXT * CONTEXT].view(-1, CONTEXT)


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

    def weights(self, tokenizer, count: int = 8) -> dict[str, float]:
        """The characters that speak loudest, for either class: {character: weight}, from negative to positive."""
        found = self.regression.coef_[0]
        order = found.argsort()
        return {tokenizer.vocabulary[place]: float(found[place]) for place in (*order[:count], *order[-count:])}


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
