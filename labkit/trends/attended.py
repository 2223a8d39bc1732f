"""Attention is not explanation: a reader whose attention can be moved while its answer stays (Jain & Wallace 2019).

The tasks are generated, so the reason is known: among the TOKENS tokens of a sequence some are votes, each for a class,
the rest is filler; the majority is the answer. Five votes for one of two classes ask for a count, one vote for one of
four for a search. The reader is the kind that the paper tested: a recurrent network in both directions,
additive attention over its states (Bahdanau et al. 2015), and a dense layer on their weighted mean.
"""
import hashlib

import numpy as np
import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.device import eval_mode
from labkit.settings import choose
from labkit.training import Recipe, Run

TOKENS, VOTERS, FILLERS = 12, 4, 40             # token numbers below VOTERS are votes, all others filler
TASKS = {5: 2, 1: 4}    # how many tokens of a sequence vote: for how many classes
NEAR = 0.05             # total variation between two answers that count as the same
TRIALS = 20             # permutations of each sequence's attention


class Reader(nn.Module):
    """Tokens (N, T) int64 -> logits (N, classes)."""

    def __init__(self, classes: int = 2, size: int = 24):
        super().__init__()
        self.embedding = nn.Embedding(VOTERS + FILLERS, size)
        self.states = nn.GRU(size, size, batch_first=True, bidirectional=True)
        self.inner, self.score = nn.Linear(2 * size, size), nn.Linear(size, 1, bias=False)
        self.dense = nn.Linear(2 * size, classes)

    def read(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The states (N, T, 2 · size), and the attention over them (N, T)."""
        return self.read_embedded(self.embedding(tokens))

    def read_embedded(self, embedded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`read` for embedded tokens (N, T, size)."""
        states, _last = self.states(embedded)
        return states, self.score(self.inner(states).tanh())[..., 0].softmax(1)

    def answer(self, states: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        """The logits (N, classes) that the states give under another attention (N, T)."""
        return self.dense((attention[..., None] * states).sum(1))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.answer(*self.read(tokens))


def dataset(count: int, seed: int, votes: int = 5) -> Dataset:
    """`count` training sequences of the task with that many votes, and 200 each to validate and to test."""
    classes = TASKS[choose("votes", votes, TASKS)]
    generator = torch.Generator().manual_seed(seed)

    def split(size: int) -> Split:
        tokens = torch.randint(VOTERS, VOTERS + FILLERS, (size, TOKENS), generator=generator)
        cast = torch.randint(classes, (size, votes), generator=generator)
        tokens.scatter_(1, torch.rand(size, TOKENS, generator=generator).argsort(1)[:, :votes], cast)
        return Split(tokens, cast.mode(1).values)
    splits = split(count), split(200), split(200)
    digest = hashlib.sha256(b"".join(part.inputs.numpy().tobytes() for part in splits)).hexdigest()
    return Dataset("votes", *splits, tuple(map(str, range(classes))), "", "generated", digest)


def train(data: Dataset, seed: int, steps: int, threads: int | None = 1) -> Reader:
    """A reader after `steps` batches of 64."""
    recipe = Recipe(steps=steps, batch_size=64, learning_rate=1e-2, seed=seed, validate_every=steps)
    run = Run(lambda: Reader(len(data.class_names)), data, recipe, "cpu", threads=threads)
    for _step in run:
        pass
    return run.model.eval()


def examine(model: Reader, split: Split, seed: int = 0) -> dict[str, float]:
    """What attention says of the known reason, and what happens to the answer when attention is moved.

    accuracy        of the reader
    on_votes        attention on the votes, mean
    gradients       share of gradient x input, by size, on the votes, mean
    permuted        total variation between the answers before and after attention was shuffled: the median over
                    sequences of the median over TRIALS
    elsewhere       share of sequences with a single token, neither a vote nor the most attended one, that can have
                    all attention while the answer changes by less than NEAR
    turned          total variation after each vote was turned to another class, median
    """
    tokens, targets = split.inputs, split.targets
    votes = tokens < VOTERS
    with eval_mode(model):
        with torch.no_grad():
            states, attention = model.read(tokens)
            before = model.answer(states, attention).softmax(1)
            turned = model(torch.where(votes, (tokens + 1) % model.dense.out_features, tokens)).softmax(1)
            alone = torch.stack([model.answer(states, place.expand_as(attention)).softmax(1)
                                 for place in torch.eye(TOKENS)], dim=1)
        embedded = model.embedding(tokens).detach().requires_grad_()
        states, weights = model.read_embedded(embedded)
        logits = model.answer(states, weights).gather(1, targets[:, None]).sum()
        sizes = (torch.autograd.grad(logits, embedded)[0] * embedded.detach()).sum(2).abs()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            moved = []
            for _trial in range(TRIALS):
                order = torch.rand(attention.shape, generator=generator).argsort(1)
                moved.append(variation(model.answer(states, attention.gather(1, order)).softmax(1), before))
    elsewhere = ~votes & (torch.arange(TOKENS) != attention.argmax(1, keepdim=True))
    same = (variation(alone, before[:, None]) < NEAR) & elsewhere
    return {"accuracy": float((before.argmax(1) == targets).float().mean()),
            "on_votes": float((attention * votes).sum(1).mean()),
            "gradients": float(((sizes * votes).sum(1) / sizes.sum(1)).mean()),
            "permuted": float(np.median(torch.stack(moved).median(0).values)),
            "elsewhere": float(same.any(1).float().mean()),
            "turned": float(variation(turned, before).median())}


def variation(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Total variation between probabilities (..., classes): the largest difference that an event's can have."""
    return (one - other).abs().sum(-1) / 2
