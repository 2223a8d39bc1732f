"""Losses of classes, tokens and numbers, in training and in evaluation, against sums done by hand."""
import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy import toy_dataset

from labkit import loss
from labkit.data import Dataset, Split
from labkit.evaluation import evaluate
from labkit.settings import SettingError
from labkit.training import Recipe, Run
from labkit.training.batches import Batches

GENERATOR = torch.Generator().manual_seed(0)
LENGTH, WORDS = 6, 5


def token_dataset(ignored=0.3):
    """The next token is the present one plus 1; a share of the targets does not count."""
    def split(count):
        inputs = (torch.randint(0, WORDS, (count, 1), generator=GENERATOR) + torch.arange(LENGTH)) % WORDS
        targets = (inputs + 1) % WORDS
        hidden = torch.rand(targets.shape, generator=GENERATOR) < ignored
        hidden[:, 0] = False
        return Split(inputs, targets.masked_fill(hidden, loss.IGNORED))
    return Dataset("tokens", split(48), split(16), split(16), tuple("abcde"), "none", "made here", "")


def number_dataset():
    def split(count):
        inputs = torch.randn(count, 3, generator=GENERATOR)
        return Split(inputs, inputs @ torch.tensor([[1.0, 0], [-2, 1], [0.5, 3]]))
    return Dataset("numbers", split(48), split(16), split(16), (), "none", "made here", "")


class TokenNet(nn.Module):
    """Tokens (N, T) to logits (N, T, WORDS); training passes that are too long run out of memory."""

    def __init__(self, limit=1000):
        super().__init__()
        self.embedding, self.dense, self.limit = nn.Embedding(WORDS, 8), nn.Linear(8, WORDS), limit

    def forward(self, tokens):
        if self.training and len(tokens) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory (faked)")
        return self.dense(self.embedding(tokens))


TOKENS, NUMBERS = token_dataset(), number_dataset()


def by_hand(outputs, targets):
    """Mean cross entropy over the tokens that count, one at a time."""
    kept = [(row, place) for row in range(len(targets)) for place in range(LENGTH) if targets[row, place] >= 0]
    return sum(-outputs[row, place].log_softmax(0)[targets[row, place]] for row, place in kept) / len(kept), len(kept)


def test_the_loss_of_tokens_is_the_mean_over_those_that_count():
    outputs, targets = TokenNet()(TOKENS.train.inputs), TOKENS.train.targets
    expected, kept = by_hand(outputs, targets)
    assert loss.mean_loss(outputs, targets).item() == pytest.approx(expected.item(), rel=1e-5)
    assert int(loss.count(targets)) == kept < targets.numel()
    right = sum(int(outputs[row, place].argmax() == targets[row, place])
                for row in range(48) for place in range(LENGTH))
    assert int(loss.correct(outputs, targets)) == right


@pytest.mark.parametrize("data, smoothing", [(TOKENS, 0.0), (TOKENS, 0.2), (NUMBERS, 0.0), (toy_dataset(48), 0.1)])
def test_sums_over_pieces_are_the_mean_over_the_batch(data, smoothing):
    targets = data.train.targets
    width = {torch.int64: WORDS if targets.ndim == 2 else 3}.get(targets.dtype)
    outputs = torch.randn(*targets.shape, width, generator=GENERATOR) if width else torch.randn(targets.shape)
    pieces = sum(loss.mean_loss(part, its, smoothing, reduction="sum")
                 for part, its in zip(outputs.split(7), targets.split(7), strict=True))
    assert (pieces / loss.count(targets)).item() == pytest.approx(
        loss.mean_loss(outputs, targets, smoothing).item(), rel=1e-5)


def test_numbers_have_a_mean_squared_error_and_no_accuracy():
    model = nn.Linear(3, 2)
    scores = evaluate(model, NUMBERS.test, batch_size=5)
    assert scores.loss == pytest.approx(F.mse_loss(model(NUMBERS.test.inputs), NUMBERS.test.targets).item(), rel=1e-5)
    assert math.isnan(scores.accuracy) and all(map(math.isnan, scores.interval)) and scores.count == 16


def test_evaluation_of_tokens_is_the_mean_over_all_batches():
    model = TokenNet().eval()
    scores = evaluate(model, TOKENS.train, batch_size=7)
    expected, kept = by_hand(model(TOKENS.train.inputs), TOKENS.train.targets)
    assert scores.loss == pytest.approx(expected.item(), rel=1e-5) and scores.count == kept
    assert scores.accuracy == int(loss.correct(model(TOKENS.train.inputs), TOKENS.train.targets)) / kept


def test_evaluation_names_the_first_output_that_is_not_finite():
    model = TokenNet()
    model.dense.bias.data[2] = float("inf")
    with pytest.raises(SettingError, match=r"outputs\[0, 0, 2\] = inf"):
        evaluate(model, TOKENS.test)


def test_a_run_on_tokens_is_the_plain_loop_and_learns():
    recipe = Recipe(epochs=20, batch_size=16, learning_rate=0.05)
    run = Run(TokenNet, TOKENS, recipe, threads=1)
    run.fit()
    again = Run(TokenNet, TOKENS, recipe, threads=1)
    model, batches = again.model, Batches(TOKENS.train, 16, 0, torch.device("cpu"))
    optimizer, expected = torch.optim.Adam(model.parameters(), lr=0.05, fused=True), []
    for step in range(60):
        inputs, targets = batches[step]
        value = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        expected.append(value.item())
    assert run.history["train_loss"].tolist() == expected
    assert run.history["train_accuracy"][-1] == run.history.last("validation_accuracy") == 1


def test_the_number_of_threads_is_chosen_with_tokens_too(monkeypatch):
    monkeypatch.delenv("LABKIT_THREADS", raising=False)
    monkeypatch.setattr("labkit.training.threads.core_count", lambda: 2)
    run = Run(TokenNet, TOKENS, Recipe(steps=1))
    run.fit()
    assert run.history.threads in (1, 2)


def test_a_run_on_numbers_learns_and_measures_no_accuracy(capsys):
    run = Run(lambda: nn.Linear(3, 2), NUMBERS, Recipe(epochs=60, batch_size=16, learning_rate=0.1), threads=1)
    run.fit()
    assert run.history.last("validation_loss") < 0.01 < run.history["train_loss"][0]
    assert all(map(math.isnan, run.history["train_accuracy"])) and run.best_step > 0
    assert "accuracy not measured" in capsys.readouterr().out


def test_a_run_on_tokens_that_was_stopped_and_resumed_has_the_same_losses(tmp_path):
    recipe = Recipe(epochs=4, batch_size=16)
    whole = Run(TokenNet, TOKENS, recipe, threads=1)
    whole.fit()
    first = Run(TokenNet, TOKENS, recipe, threads=1, folder=tmp_path)
    for step in first:
        if step.index == 5:
            first.stop()
    second = Run(TokenNet, TOKENS, recipe, threads=1, folder=tmp_path, resume=True)
    second.fit()
    assert second.history["train_loss"].tolist() == whole.history["train_loss"].tolist()
    assert second.history["train_accuracy"].tolist() == whole.history["train_accuracy"].tolist()


def test_pieces_of_a_batch_weigh_as_many_tokens_as_count_in_them():
    hidden = TOKENS.train.targets.clone()
    hidden[::2, 1:] = loss.IGNORED
    data = dataclasses.replace(TOKENS, train=Split(TOKENS.train.inputs, hidden))
    recipe = Recipe(epochs=2, batch_size=16, optimizer="sgd", learning_rate=0.1, label_smoothing=0.1)
    whole, pieces = (Run(lambda limit=limit: TokenNet(limit), data, recipe, threads=1) for limit in (16, 3))
    next(whole), next(pieces)
    assert len(pieces.history.messages) == 3                # 8, 4, 2 at a time
    for mine, expected in zip(pieces.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, expected.grad)
    whole.fit(), pieces.fit()
    assert pieces.history["train_loss"] == pytest.approx(whole.history["train_loss"], rel=1e-5)
    assert pieces.history["train_accuracy"].tolist() == whole.history["train_accuracy"].tolist()


def changed(data, split="train", **tensors):
    return dataclasses.replace(data, **{split: dataclasses.replace(getattr(data, split), **tensors)})


def everywhere(data, change):
    return dataclasses.replace(data, **{name: change(getattr(data, name)) for name in ("train", "validation", "test")})


@pytest.mark.parametrize("model, data, message", [
    (TokenNet, changed(TOKENS, targets=TOKENS.train.targets + 1), r"train.targets = '-99\.\."),
    (TokenNet, changed(TOKENS, "test", targets=torch.full((16, LENGTH), 5)), r"test.targets = '5..5' .* from 0 to 4"),
    (TokenNet, changed(TOKENS, "test", inputs=torch.full((16, LENGTH), 5)), "inputs = .*It says: index out of range"),
    (TokenNet, changed(TOKENS, targets=torch.full((48, LENGTH), -100)), "train.targets = -100 .* at least one token"),
    (TokenNet, changed(TOKENS, targets=TOKENS.train.targets[:, :3]), r"validation.targets = \(6,\) .*\(3,\), as in"),
    (TokenNet, everywhere(TOKENS, lambda split: Split(split.inputs, split.targets[:, 0])), r"\(examples, classes\)"),
    (TokenNet, everywhere(TOKENS, lambda split: Split(split.inputs, split.targets[:, :3])), r"\(examples, 3, tokens\)"),
    (lambda: nn.Linear(3, 1), NUMBERS, r"outputs.shape = \(2, 1\) .* \('examples', 2\)"),
    (lambda: nn.Linear(3, 2), changed(NUMBERS, targets=torch.zeros(48, 2).long()), "validation.targets.dtype"),
])
def test_data_that_do_not_fit_are_refused_before_training(model, data, message):
    with pytest.raises(SettingError, match=message):
        Run(model, data, Recipe())
