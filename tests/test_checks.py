"""Each check against right answers and plausible wrong ones, and every form of its message."""
import math
import random

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

import labkit as lk
from labkit.checks import exercises
from labkit.checks.framework import Exercise, agree
from labkit.progress import solved
from labkit.settings import SettingError


def count_in_loops(targets, predictions, classes):
    matrix = [[0] * classes for _row in range(classes)]
    for target, prediction in zip(targets, predictions, strict=True):
        matrix[target][prediction] += 1
    return matrix


def floor_from_torch(classes):
    best = torch.zeros(1, classes)
    best[0, 0] = 1
    return torch.nn.functional.cross_entropy(best, torch.tensor([0]))


RIGHT = {
    "5.1": [lambda i, o, k, bias=True: sum(p.numel() for p in torch.nn.Conv2d(i, o, k, bias=bias).parameters()),
            lambda i, o, k, bias=True: float(o * i * k * k + (o if bias else 0))],
    "5.2": [lambda n, share, batch: -(-(n - round(n * share)) // batch),
            lambda n, share, batch: np.ceil((n - np.round(n * share)) / batch)],
    "5.3": [lambda k: math.log(math.e + k - 1) - 1, floor_from_torch],
    "5.4": [count_in_loops, lambda t, p, k: confusion_matrix(t, p, labels=range(k))],
}
WRONG = {
    "5.1": [lambda i, o, k, bias=True: o * i * k * k,                           # no biases
            lambda i, o, k, bias=True: o * (i * k * k + 1),                     # biases always
            lambda i, o, k, bias=True: o * i * k + bias * o,                    # a filter of one row
            lambda i, o, k, bias=True: o * k * k + bias * o,                    # one input channel
            lambda i, o, k, bias=True: o * i * k * k + bias * i],               # a bias for each input
    "5.2": [lambda n, share, batch: math.ceil(n / batch),                       # trains on all
            lambda n, share, batch: (n - round(n * share)) // batch,            # drops the last batch
            lambda n, share, batch: math.ceil(n * share / batch),               # trains on the validation part
            lambda n, share, batch: math.ceil(int(n * (1 - share)) / batch),    # cuts 99.99 to 99
            lambda n, share, batch: math.ceil(n / batch) - math.ceil(n * share / batch)],
    "5.3": [lambda k: 0.0,                                                      # what a right set-up reaches
            lambda k: math.log(k),                                              # the loss of a guess
            lambda k: math.log(math.e + k) - 1,                                 # k others instead of k - 1
            lambda k: 1.4612],                                                  # ten classes only
    "5.4": [lambda t, p, k: confusion_matrix(p, t, labels=range(k)),            # transposed
            lambda t, p, k: count_in_loops(t, p, int(max(t.max(), p.max())) + 1),   # only labels that occur
            lambda t, p, k: confusion_matrix(t, p, labels=range(k), normalize="all"),
            lambda t, p, k: np.diag(np.bincount(t, minlength=k))],              # right answers only
}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path))
    monkeypatch.delenv("LABKIT_GRADING", raising=False)


@pytest.mark.parametrize("number", exercises())
def test_every_check_has_right_answers_wrong_answers_and_three_hints(number):
    check = exercises()[number]
    assert len(RIGHT[number]) >= 1 and len(WRONG[number]) >= 2
    assert len(check.hints()) == 3 and check.__doc__
    assert getattr(lk.check, f"ch{int(number.split('.')[0]):02d}").__dict__[check.__name__] is check


@pytest.mark.parametrize("number, answer", [(n, answer) for n in exercises() for answer in RIGHT[n]])
def test_a_right_answer_prints_one_line_and_is_recorded(number, answer, capfd):
    before = random.getstate(), torch.get_rng_state()
    assert exercises()[number](answer) is None
    assert capfd.readouterr() == (f"Exercise {number}: correct.\n", "")
    assert list(solved()) == [number]
    assert random.getstate() == before[0]
    if answer is not RIGHT["5.1"][0]:       # which draws weights itself
        assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize("number, answer", [(n, answer) for n in exercises() for answer in WRONG[n]])
def test_a_wrong_answer_raises_and_says_given_expected_and_got(number, answer, capfd):
    with pytest.raises(AssertionError) as caught:
        exercises()[number](answer)
    first, given, expected, got, pointer = str(caught.value).splitlines()
    assert first == f"Exercise {number}: not correct yet."
    assert given.startswith("Given: ") and "=" in given
    assert expected.startswith("Expected: ") and got.startswith("Got: ")
    assert pointer == "For a hint, call the check with hint=1."
    assert capfd.readouterr() == ("", "") and not solved()


def double(values):
    """Twice each value."""
    return [2 * value for value in values]


@pytest.fixture
def check():
    return Exercise("99.1", double, lambda draw: [([1, 2],), ([draw.randint(3, 9)],)],
                    lambda: ("Look.", "Think.", "Multiply."))


def unfinished(values):
    raise NotImplementedError


@pytest.mark.parametrize("stub", [..., lambda values: ..., unfinished])
def test_an_untouched_stub_says_so_and_fails_only_when_graded(check, stub, capfd, monkeypatch):
    assert check(stub) is None
    assert capfd.readouterr() == ("Exercise 99.1: not attempted yet.\n", "")
    monkeypatch.setenv("LABKIT_GRADING", "1")
    with pytest.raises(AssertionError, match="99.1: not attempted yet"):
        check(stub)
    assert not solved()


def test_an_answer_that_is_unfinished_only_in_part_is_wrong(check):
    with pytest.raises(AssertionError, match="Got: Ellipsis"):
        check(lambda values: [2, 4] if values == [1, 2] else ...)


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), NotImplementedError("not for Int")])
def test_an_exception_of_the_learner_is_shown_with_its_input(check, error):
    def broken(values):
        raise error
    with pytest.raises(AssertionError) as caught:
        check(broken)
    assert "Given: values=[1, 2]" in str(caught.value)
    assert f"Your function raised {type(error).__name__}: {error}" in str(caught.value)
    assert caught.value.__cause__ is error


def test_hints_come_one_more_at_a_time_and_then_it_checks(check, capfd):
    check(double, hint=2)
    assert capfd.readouterr().out == "Hint 1: Look.\nHint 2: Think.\nExercise 99.1: correct.\n"
    with pytest.raises(AssertionError, match="hint=3"):
        check(lambda values: 0, hint=2)
    with pytest.raises(AssertionError) as caught:
        check(lambda values: 0, hint=3)
    assert "hint=" not in str(caught.value)


@pytest.mark.parametrize("hint", [-1, 4, 1.5, "1"])
def test_a_hint_that_does_not_exist_is_refused(check, hint):
    with pytest.raises(SettingError, match="hint = .* 0 to 3"):
        check(double, hint=hint)


def test_the_result_instead_of_the_function_is_a_wrong_answer(check):
    with pytest.raises(AssertionError, match=r"takes your function itself, not \[2, 4\]"):
        check([2, 4])


def test_a_learner_who_changes_the_input_spoils_nothing(check):
    def in_place(values):
        values[:] = [2 * value for value in values]
        return values
    check(in_place)


@pytest.mark.parametrize("got, expected, same", [
    (3, 3, True), (3.0, 3, True), (np.int64(3), 3, True), (4, 3, False), (float("nan"), 3, False),
    (1.000001, 1.0, True), (1.001, 1.0, False), (None, 1, False), ("3", 3, False), (..., 3, False),
    ([[1, 2]], torch.tensor([[1, 2]]), True), ([1, 2], torch.tensor([[1, 2]]), False), ([[1], [1, 2]], [1, 2], False),
    (torch.tensor(3.0, requires_grad=True), 3.0, True), (3 + 0j, 3, False), ([3], 3, False),
])
def test_agreement(got, expected, same):
    assert agree(got, expected) is same


def test_chapters_are_listed_and_an_unknown_one_is_named():
    assert "ch05" in dir(lk.check)
    with pytest.raises(AttributeError, match="ch99.*ch05"):
        _ = lk.check.ch99
