"""The contestants on sequences of tokens: our two Transformers in `Run`, and torch's own parts in a tutorial's loop."""
import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.loops import VALIDATION, Loop
from benchmarks.timing import Done, Speed, speed
from labkit.data.dataset import Dataset, Split
from labkit.memory import keep_memory
from labkit.models import DecoderTransformer, EncoderTransformer
from labkit.training import Recipe, Run

SEQUENCES, LENGTH, BATCH_SIZE = 4_096, 64, 64
WORDS, CLASSES, WIDTH, LAYERS, HEADS = 100, 2, 64, 2, 4


@functools.cache
def random_tokens(causal: bool, count: int = SEQUENCES) -> Dataset:
    """`count` training rows of random tokens, with a random target for each token, or for each row."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        targets = (WORDS, (count, LENGTH)) if causal else (CLASSES, (count,))
        return Split(torch.randint(WORDS, (count, LENGTH), generator=generator),
                     torch.randint(*targets, generator=generator))
    return Dataset("random", split(count), split(VALIDATION), split(VALIDATION),
                   tuple(map(str, range(targets_of(causal)))), "none", "made here", "")


def targets_of(causal: bool) -> int:
    return WORDS if causal else CLASSES


def own_network(causal: bool) -> nn.Module:
    if causal:
        return DecoderTransformer(WORDS, WIDTH, LAYERS, HEADS, LENGTH)
    return EncoderTransformer(WORDS, CLASSES, WIDTH, LAYERS, HEADS, LENGTH)


class TorchTransformer(nn.Module):
    """The same networks as tutorials build them, around `nn.TransformerEncoder`."""

    def __init__(self, causal: bool):
        super().__init__()
        self.causal = causal
        self.tokens, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True,
                                           norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.dense = nn.Linear(WIDTH, targets_of(causal))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        if not self.causal:
            return self.dense(self.encoder(x).mean(1))
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.dense(self.encoder(x, mask=mask, is_causal=True))


def run(data: Dataset, causal: bool) -> Loop:
    """labkit's `Run`, history and all, with its own choice of threads."""
    training = Run(lambda: own_network(causal), data, Recipe(epochs=1_000_000, batch_size=BATCH_SIZE))
    seen = 0
    for step in training:
        yield Done(training.history.images - seen, step.loss, training.history.threads)
        seen = training.history.images


def floor(data: Dataset, causal: bool) -> Loop:
    """Forward and backward of our network on one fixed batch, in a process that keeps its memory, as `Run`'s does."""
    keep_memory()
    model, inputs, targets = own_network(causal), data.train.inputs[:BATCH_SIZE], data.train.targets[:BATCH_SIZE]
    while True:
        for weight in model.parameters():
            weight.grad = None
        loss = F.cross_entropy(model(inputs).flatten(0, -2), targets.flatten())
        loss.backward()
        yield Done(len(targets), loss.detach(), torch.get_num_threads())


def tutorial(data: Dataset, causal: bool) -> Loop:
    """The loop as tutorials write it: a DataLoader, Adam, and a loss read at each step."""
    model = TorchTransformer(causal)
    loader = DataLoader(TensorDataset(data.train.inputs, data.train.targets), batch_size=BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    while True:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs).flatten(0, -2), targets.flatten())
            loss.backward()
            optimizer.step()
            yield Done(len(targets), loss.item(), torch.get_num_threads())


MODELS = {"decoder": True, "encoder": False}
LOOPS: dict[str, Callable] = {"Run": run, "floor": floor, "torch's layers": tutorial}


def measure(model: str, loop: str, sequences: int) -> Speed:
    """The speed, in rows, of a fresh contestant over `sequences` rows."""
    causal = MODELS[model]
    return speed(LOOPS[loop](random_tokens(causal), causal), sequences)
