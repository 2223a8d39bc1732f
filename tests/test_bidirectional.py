import pytest
import torch

from labkit.experiments.ch10 import bert_paper
from labkit.papers import bidirectional
from labkit.papers.bidirectional import KINDS, LENGTH, Reader
from labkit.settings import SettingError

LETTERS, STARTS = bidirectional.load()


def few(name="words", labels=40, seed=0):
    return bidirectional.task(LETTERS, STARTS, name, labels, 30, seed)


def test_spaces_become_labels():
    text = LETTERS.tokenizer.decode(LETTERS.train.inputs[:30].flatten())
    starts = STARTS["train"][:30].flatten().tolist()
    words = "".join(" " * begins + letter for letter, begins in zip(text, starts, strict=True)).split()
    assert text.isalpha() and text.islower() and {"the", "and", "is"} <= set(words)
    assert len(LETTERS.tokenizer) == 28 and LETTERS.input_shape == (LENGTH,)
    shares = [STARTS[name].float().mean().item() for name in ("train", "validation", "test")]
    assert all(0.15 < share < 0.25 for share in shares)


def test_left_to_right_sees_nothing_to_come_and_both_sides_do():
    rows = LETTERS.train.inputs[:4]
    changed = rows.clone()
    changed[:, 9] = (changed[:, 9] - 1) % 26 + 2
    for kind in KINDS:
        reader = Reader(29, kind)
        one, other = reader(rows), reader(changed)
        same = torch.allclose(one[:, :9], other[:, :9], atol=1e-6)
        assert same == (kind == "left to right") and not torch.allclose(one[:, 9:], other[:, 9:], atol=1e-6)
        weights = bidirectional.looks(reader, "the default value", LETTERS.tokenizer)
        assert weights.shape == (4, 15, 15)
        assert (weights.triu(1).abs().max() == 0) == (kind == "left to right")
    with pytest.raises(SettingError, match="kind = 'right to left'"):
        Reader(29, "right to left")


def test_what_pretraining_asks():
    both, left = (bidirectional.asked(LETTERS, kind) for kind in KINDS)
    rows, places = both.train.inputs.split([LENGTH, 2], 1)
    hidden = rows.gather(1, places) == len(LETTERS.tokenizer)
    assert len(both.train) == 2 * len(LETTERS.train) and 0.75 < hidden.float().mean() < 0.85
    twice = LETTERS.train.inputs.repeat(2, 1)
    assert torch.equal(both.train.targets, twice.gather(1, places))
    rows, places = left.train.inputs.split([LENGTH, LENGTH - 1], 1)
    assert torch.equal(rows, LETTERS.train.inputs) and torch.equal(left.train.targets, rows.gather(1, places + 1))


def test_pretraining_lowers_the_loss_and_repeats_itself():
    for kind in KINDS:
        one, other = (bidirectional.pretraining(LETTERS, kind, 20, seed=3, threads=1) for _time in range(2))
        for run in (one, other):
            for _step in run:
                pass
        losses = one.history["train_loss"]
        assert losses[-1] < 3.0 < 3.3 and losses.tolist() == other.history["train_loss"].tolist()
        assert one.model.encoder.causal == (kind == "left to right")


def test_tasks_keep_training_and_test_apart():
    words, backwards = few("words"), few("backwards", 400)
    assert words.train.targets.shape == (40, LENGTH) and words.test.targets.shape == (30, LENGTH)
    assert torch.equal(words.test.inputs, LETTERS.test.inputs[:30]) and words.class_names == ("no", "yes")
    turned = backwards.test.targets == 1
    assert torch.equal(backwards.test.inputs[turned], LETTERS.test.inputs[:30][turned].flip(1))
    assert torch.equal(backwards.test.inputs[~turned], LETTERS.test.inputs[:30][~turned])
    assert 0.4 < backwards.train.targets.float().mean() < 0.6
    with pytest.raises(SettingError, match="labels = 1 "):
        few(labels=1)
    with pytest.raises(SettingError, match="task = 'spelling'"):
        few("spelling")


def test_fine_tuning_leaves_the_start_alone_and_can_free_it():
    start = Reader(29, "left to right")
    before = {name: value.clone() for name, value in start.state_dict().items()}
    tuned = bidirectional.fine_tune(start, few(), 4, threads=1)
    freed = bidirectional.fine_tune(start, few("backwards"), 4, "both sides", threads=1)
    assert tuned.causal and tuned.each and not freed.causal and not freed.each
    assert all(torch.equal(before[name], value) for name, value in start.state_dict().items())
    assert not torch.equal(tuned.tokens.weight, start.tokens.weight)


def test_f1_counts_what_both_name():
    truth = torch.tensor([1, 0, 1, 0])
    assert bidirectional.f1(truth, truth) == 1 and bidirectional.f1(1 - truth, truth) == 0
    assert bidirectional.f1(torch.tensor([1, 1, 0, 0]), truth) == 0.5
    assert bidirectional.f1(torch.zeros(4), torch.zeros(4)) == 0


def test_segmenting_keeps_every_letter():
    reader = bidirectional.fine_tune(None, few(), 2, threads=1)
    text = "The default value, used when no argument is given"
    spaced = bidirectional.segment(reader, text, LETTERS.tokenizer)
    assert spaced.replace(" ", "") == bidirectional.letters_of(text) == "thedefaultvalueusedwhennoargumentisgiven"
    for text in ("", "42 + 1", None):
        with pytest.raises(SettingError, match="English letters"):
            bidirectional.segment(reader, text, LETTERS.tokenizer)


def test_runs_have_what_the_rule_reads():
    found = bert_paper.runs(0, steps=2, tuning=2)
    models = ["both sides", "left to right", "left to right, freed", "no pre-training"]
    assert [run["model"] for run in found if run["part"] == "bert" and run["task"] == "words"] == models
    assert len([run for run in found if run["part"] == "bert-labels"]) == 8
    assert all(0 <= run["score"] <= 1 for run in found if "score" in run)
    assert len(bert_paper.data()[0]["sha256"]) == 64


def test_recorded_scores_by_reader():
    runs = [{"part": part, "task": task, "model": model, "score": score} for part, task, model, score in (
        ("bert", "words", "both sides", 0.7), ("bert", "words", "both sides", 0.6),
        ("bert", "words", "left to right", 0.5),
        ("bert", "backwards", "both sides", 0.9), ("bert-labels", "words", "both sides", 0.1))] + [{"part": "gan"}]
    assert bidirectional.recorded({"runs": runs}, "words") == {"both sides": [0.7, 0.6], "left to right": [0.5]}
    assert bidirectional.recorded(None, "words") == {}
