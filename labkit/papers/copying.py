"""Copy a row of symbols, then reverse it: attention against recurrence with equal parameters.

A miniature of "Attention Is All You Need" (Vaswani et al. 2017). The paper translates with an encoder and a decoder.
Here one decoder reads `symbols, separator, answer` and names each token of the answer from those before it, so that a
Transformer and a recurrent network get the same rows, the same loss and the same number of trained weights.
"""
import copy
import hashlib
import statistics

import torch
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import predict
from labkit.language import _
from labkit.loss import IGNORED
from labkit.models.sequence import DecoderTransformer
from labkit.models.transformer import Block
from labkit.settings import choose, refuse
from labkit.training import Recipe, Run

SYMBOLS = 16                            # the letters of a row; the number after them is the separator
WIDTH, BATCH = 32, 64
TASKS = ("copy and reverse", "choose")
POSITIONS = ("sines", "learned", "none")
MODELS = ("attention", "recurrence", "recurrence with attention")
LETTERS = "abcdefghijklmnop|"
# Of 0.003, 0.01, 0.02 and 0.04, the best on validation rows of seed 100, which is not recorded, with 300 steps at 8, 16
# and 32 symbols; attention solves all three at each of the last three.
RATES = {"attention": 1e-2, "recurrence": 2e-2, "recurrence with attention": 2e-2}


def answers(symbols: torch.Tensor, task: str = TASKS[0]) -> torch.Tensor:
    """What is to be said of `symbols` (N, L) int64.

    "copy and reverse": the row, then the row backwards, (N, 2L). "choose": at each place the symbol if it is of the
    first half of the alphabet, else the one at the mirrored place, (N, L); so each answer needs two places at once.
    """
    backwards = symbols.flip(1)
    if choose("task", task, TASKS) == "choose":
        return torch.where(symbols < SYMBOLS // 2, symbols, backwards)
    return torch.cat([symbols, backwards], 1)


def split(length: int, count: int, draw: torch.Generator, task: str = TASKS[0]) -> Split:
    """`count` rows of random symbols. Inputs (N, L + A): symbols, separator, the answer but for its last token; targets
    of the same shape, the next token where it belongs to the answer (A tokens), else -100."""
    symbols = torch.randint(SYMBOLS, (count, length), generator=draw)
    answer = answers(symbols, task)
    inputs = torch.cat([symbols, torch.full((count, 1), SYMBOLS), answer[:, :-1]], 1)
    return Split(inputs, torch.cat([torch.full((count, length), IGNORED), answer], 1))


def dataset(length: int, train: int, test: int = 500, seed: int = 0, task: str = TASKS[0]) -> Dataset:
    """Rows of `length` symbols: `train` for training, `test` each for validation and test. All are generated."""
    if isinstance(length, bool) or not isinstance(length, int) or not 2 <= length <= 64:
        raise refuse("length", length, _("a whole number from 2 to 64"))
    draw = torch.Generator().manual_seed(seed)
    splits = [split(length, count, draw, task) for count in (train, test, test)]
    digest = hashlib.sha256(b"".join(part.inputs.numpy().tobytes() for part in splits)).hexdigest()
    return Dataset(task, *splits, tuple(LETTERS), "made here", "labkit.papers.copying", digest, _("generated"))


def sines(length: int, width: int) -> torch.Tensor:
    """The paper's positions (section 3.5), (length, width): sin and cos of place / 10000^(2k/width), by turns."""
    angles = torch.arange(length)[:, None] * 10000 ** (-torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


def attention(context: int, heads: int = 1, positions: str = "sines", width: int = WIDTH,
              layers: int = 1) -> DecoderTransformer:
    """A decoder for rows of up to `context` tokens, whose places are the paper's sines, learned, or not told at all.

    Symbols and learned places start with deviation 1/√width, and sines have that size: neither drowns the other.
    """
    model = DecoderTransformer(SYMBOLS + 1, width, layers, heads, context)
    nn.init.normal_(model.tokens.weight, std=width ** -0.5)
    with torch.no_grad():
        if choose("positions", positions, POSITIONS) == "learned":
            nn.init.normal_(model.positions.weight, std=width ** -0.5)
        else:
            fixed = sines(context, width) * (2 / width) ** 0.5
            model.positions.weight.copy_(fixed if positions == "sines" else torch.zeros(context, width))
            model.positions.weight.requires_grad_(False)
    return model


class Recurrent(nn.Module):
    """An LSTM (Hochreiter & Schmidhuber 1997) that reads tokens (N, T) and gives logits (N, T, SYMBOLS + 1).

    With `heads`, one layer of attention over its states follows, as translators had before the paper (Bahdanau et al.
    2015), in the form of `labkit.models.transformer.Block`.
    """

    def __init__(self, hidden: int, heads: int = 0, width: int = WIDTH):
        super().__init__()
        self.tokens = nn.Embedding(SYMBOLS + 1, width)
        self.cell = nn.LSTM(width, hidden, batch_first=True)
        self.block = Block(hidden, heads) if heads else None
        self.norm = nn.LayerNorm(hidden) if heads else nn.Identity()
        self.dense = nn.Linear(hidden, SYMBOLS + 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x, _last = self.cell(self.tokens(tokens))
        if self.block is not None:
            x, _weights = self.block(x, causal=True)
        return self.dense(self.norm(x))


def parameters(model: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def recurrent(count: int, heads: int = 0) -> Recurrent:
    """The network of this kind with the most states whose trained numbers are at most `count`."""
    hidden = 1
    while parameters(Recurrent(hidden + 1, heads)) <= count:
        hidden += 1
    return Recurrent(hidden, heads)


def model(kind: str, context: int, heads: int = 1, positions: str = "sines") -> nn.Module:
    """One of `MODELS`, each with (at most, and nearly) the trained numbers of the one with attention alone."""
    alone = attention(context, heads, positions)
    if choose("model", kind, MODELS) == "attention":
        return alone
    return recurrent(parameters(alone), heads=0 if kind == "recurrence" else 1)


def training(network, data: Dataset, steps: int, learning_rate: float, seed: int = 0,
             threads: int | None = None) -> Run:
    """The run, not yet begun, that trains `network` (a module, or a function that builds one) on `data`."""
    recipe = Recipe(steps=steps, batch_size=min(BATCH, len(data.train)), learning_rate=learning_rate,
                    schedule="one-cycle", warmup=0.1, validate_every=steps, seed=seed)
    return Run(network, data, recipe, "cpu", threads=threads)


def scores(network: nn.Module, part: Split) -> tuple[float, float]:
    """Shares of the answers' tokens, and of whole answers, that are right.

    The network is given the right tokens before each. For whole answers that changes nothing: one that is right token
    by token is what it would have said alone.
    """
    right = (predict(network, part.inputs).argmax(2) == part.targets) | (part.targets == IGNORED)
    counted = part.targets != IGNORED
    return (right & counted).sum().item() / counted.sum().item(), right.all(1).float().mean().item()


def written(row: torch.Tensor) -> str:
    """Tokens as letters, the separator as |, and what does not count as a dot."""
    return "".join("·" if token == IGNORED else LETTERS[token] for token in row.tolist())


def compare(length: int, steps: int, seed: int = 0, kinds: tuple[str, ...] = MODELS, test: int = 500,
            threads: int | None = None) -> tuple[dict[str, dict[str, float]], dict[str, nn.Module]]:
    """Each of `kinds` trained on the same rows of `length` symbols for the same steps, each at its own learning rate.

    {kind: accuracy and exact (shares of test tokens and of whole answers), milliseconds of a step, parameters}, and
    {kind: the trained network}.
    """
    data, found, networks = dataset(length, steps * BATCH, test, seed), {}, {}
    for kind in kinds:
        run = training(lambda kind=kind: model(kind, 3 * length), data, steps, RATES[kind], seed, threads)
        for _step in run:
            pass
        accuracy, exact = scores(run.model, data.test)
        found[kind] = {"accuracy": accuracy, "exact": exact, "milliseconds": 1000 * run.history.seconds / steps,
                       "parameters": parameters(run.model)}
        networks[kind] = run.model
    return found, networks


def variant(task: str, length: int, steps: int, seed: int = 0, heads: int = 1, positions: str = "sines",
            test: int = 500, threads: int | None = None) -> dict[str, float]:
    """Attention alone with other heads or positions: accuracy and exact, as in `compare`."""
    data = dataset(length, steps * BATCH, test, seed, task)
    context = data.train.inputs.shape[1]
    run = training(lambda: attention(context, heads, positions), data, steps, RATES["attention"], seed, threads)
    for _step in run:
        pass
    accuracy, exact = scores(run.model, data.test)
    return {"accuracy": accuracy, "exact": exact}


def longest_path(kind: str, length: int) -> int:
    """Through how many steps the first symbol must pass to the last token of the answer, where it is due (table 1).

    A layer of attention looks at any place at once. A recurrence carries it through every state between.
    """
    return 3 * length - 1 if choose("model", kind, MODELS) == "recurrence" else 1


def longer_rows(network: nn.Module, length: int, count: int = 300, seed: int = 0) -> tuple[float, float]:
    """`scores` of a network that reads rows of any length, on rows longer than those of its training.

    The sines of places that it has never seen are put into a copy of its table.
    """
    network = copy.deepcopy(network)
    if isinstance(network, DecoderTransformer):
        width = network.positions.weight.shape[1]
        network.positions.weight = nn.Parameter(sines(3 * length, width) * (2 / width) ** 0.5, requires_grad=False)
        network.context = 3 * length
    return scores(network, split(length, count, torch.Generator().manual_seed(seed)))


@torch.no_grad()
def gaze(network: DecoderTransformer, row: torch.Tensor) -> torch.Tensor:
    """Where the last layer looks in one row of inputs (T,): weights (heads, A, L), answer by symbols."""
    length = int((row == SYMBOLS).nonzero()[0])
    _logits, found = network(row[None], weights=True)
    return found[-1][0, :, length:, :length]


def recorded(record: dict | None, name: str = "accuracy") -> tuple[list[int], dict[str, list[float]]]:
    """Of recorded runs: the lengths, and each network's mean of `name` at each of them; ([], {}) without a record."""
    runs = [run for run in (record or {"runs": []})["runs"] if run["part"] == "attention"]
    lengths = sorted({run["length"] for run in runs})
    values = {(kind, length): [run[name] for run in runs if (run["model"], run["length"]) == (kind, length)]
              for kind in MODELS for length in lengths}
    return lengths, {kind: [statistics.mean(values[kind, length]) for length in lengths] for kind in MODELS if runs}
