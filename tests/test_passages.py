"""Generated passages, the two ways to answer, and the inference function."""
import pytest
import torch

from labkit.applications import passages
from labkit.experiments.ch06 import passages as experiment
from labkit.settings import SettingError

pytestmark = pytest.mark.usefixtures("one_thread")

TOLD = ("Mirana Kostel was born in Dova in 1950 . Later she moved to Linka Bur and opened a bakery in 1990 . "
        "Today 57 people work there . In 1940 Tobur was born in Gudor . He opened a school in Basel in 1985 . "
        "It has 12 rooms .")


def test_each_answer_stands_in_its_passage_and_fits():
    for new in (False, True):
        found = passages.examples(300, 3, held_out=True, new_wordings=new)
        split = passages.rows(found)
        assert {example.kind for example in found} == set(passages.QUESTIONS)
        assert split.inputs.shape == (300, passages.PASSAGE + passages.QUESTION) and split.inputs.min() == 0
        assert split.inputs.max() < 2 * len(passages.VOCABULARY) and not (split.inputs == 1).any()
        for example, (start, end) in zip(found, split.targets.tolist(), strict=True):
            assert " ".join(passages.words(example.passage)[start:end + 1]) == example.answer
            assert example.passage.count(f" {example.answer} ") + example.passage.startswith(example.answer) == 1


def test_names_and_wordings_of_the_test_are_in_no_training_example():
    def texts(held_out, new):
        found = passages.examples(400, 3, held_out, new)
        named = {word for example in found for word in passages.words(example.passage)
                 if passages.VOCABULARY[passages.shape(word)] == "<name>"}
        asked = {" ".join(passages.VOCABULARY[passages.shape(word)] for word in passages.words(example.question)
                          if word not in passages.THINGS) for example in found}
        return named, asked
    (known, asked), (unseen, new) = texts(False, False), texts(True, True)
    assert not known & unseen and not asked & new
    assert passages.dataset(20, 5, 1).sha256 == passages.dataset(20, 5, 1).sha256 != passages.dataset(20, 5, 2).sha256


@pytest.mark.parametrize("question, expected", [
    ("Where was Mirana born ?", "Dova"), ("Who opened the school ?", "Tobur"), ("When was Tobur born ?", "1940"),
    ("How many people does the bakery of Mirana have ?", "57"), ("Who was born in Dova ?", "Mirana Kostel"),
    ("How many ?", "57"), ("Where did Mirana open the bakery ?", "Linka Bur")])
def test_overlap_answers_what_stands_near(question, expected):
    assert passages.by_overlap(TOLD, question) == expected


def test_overlap_is_misled_by_a_sentence_that_stands_nearer():
    assert passages.by_overlap(TOLD, "In which year was the school of Tobur opened ?") == "1940"
    assert passages.by_overlap("Nothing here .", "When ?") is None
    found = passages.examples(500, 3, held_out=True)
    assert 0.65 < passages.overlap_match(found) < 0.9


def test_a_span_neither_runs_backwards_nor_too_far(same_numbers):
    class Fixed(torch.nn.Module):
        def forward(self, rows):
            start, end = torch.tensor([0.0, 3, 1, 0, 0, 0]), torch.tensor([2.5, 0, 2, 0, 0, 9])
            return torch.stack([start, end]).expand(len(rows), 2, 6)
    assert passages.spans(Fixed(), torch.zeros(2, 6))[0].tolist() == [[2, 5]] * 2
    assert passages.spans(Fixed(), torch.zeros(1, 6), longest=1)[0].tolist() == [[5, 5]]


def test_the_reader_learns_and_answers():
    made = passages.dataset(1500, 200, 5)
    run = passages.training(made, 110, 0, threads=1)
    for _step in run:
        pass
    assert passages.exact_match(run.model, made.test) > 0.6
    found = passages.answer(TOLD, "When was Tobur born ?", run.model)
    assert f"【{found.text}】" in found.shown and 0 <= found.probability <= 1
    assert passages.words(found.shown.replace("【", "").replace("】", "")) == passages.words(TOLD)


@pytest.mark.parametrize("passage, question, message", [
    ("", "Who ?", "passage = ''"), (TOLD, " ", "question = ' '"), (TOLD, None, "question = None"),
    ("word " * 100, "Who ?", "100 words.*at most 56"), ("word " * 2000, "Who ?", "10000 characters.*at most 1000"),
    (TOLD, "who " * 15, "15 words.*at most 14")])
def test_what_cannot_be_read_is_refused(passage, question, message):
    with pytest.raises(SettingError, match=message):
        passages.answer(passage, question, passages.model())


def test_the_experiment_has_an_outcome():
    runs = experiment.runs(0, train=100, test=50, steps=3)
    assert [(run["wordings"], run["model"]) for run in runs[:4]] == [
        (wordings, name) for wordings in ("wordings of training", "new wordings") for name in ("overlap", "network")]
    assert runs[-1]["part"] == "outcome" and runs[-1]["simple"] == runs[2]["exact_match"]
