"""Each check against right answers and plausible wrong ones, and every form of its message."""
import random
import sys
from importlib import import_module

import numpy as np
import pytest
import torch

import labkit as lk
from labkit.checks import CHAPTERS, exercises
from labkit.checks.framework import Exercise, agree
from labkit.progress import solved
from labkit.settings import SettingError

TABLES = [import_module(f"answers_{chapter}") for chapter in CHAPTERS]
RIGHT = {number: answers for table in TABLES for number, answers in table.RIGHT.items()}
WRONG = {number: answers for table in TABLES for number, answers in table.WRONG.items()}


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


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), NotImplementedError("not for Int"), SystemExit("bye")])
def test_an_exception_of_the_learner_is_shown_with_its_input(check, error):
    def broken(values):
        raise error
    with pytest.raises(AssertionError) as caught:
        check(broken)
    assert "Given: values=[1, 2]" in str(caught.value)
    assert f"Your function raised {type(error).__name__}: {error}" in str(caught.value)
    assert caught.value.__cause__ is error


def test_what_an_answer_writes_to_stderr_is_printed(check, capfd):
    def chatty(values):
        print("careful", file=sys.stderr)
        return double(values)
    check(chatty)
    assert capfd.readouterr() == ("careful\ncareful\nExercise 99.1: correct.\n", "")


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


def test_examples_of_chapter_1():
    check = lk.check.ch01
    assert check.training_flops.reference(175e9, 300e9) == pytest.approx(3.15e23)
    assert check.training_memory.reference(175e9, "adam") == pytest.approx(2.8e12)
    assert check.days_and_money.reference(3.14e23, 1024, 312e12, 0.4, 2.0)[0] == pytest.approx(28, abs=0.5)
    assert check.best_split.reference(5.76e23) == pytest.approx((69e9, 1.4e12), rel=0.02)
    assert check.tokens_per_second.reference(70e9, 2, 3.35e12, 989e12) == pytest.approx(23.9, abs=0.05)


def test_examples_of_chapter_2():
    check = lk.check.ch02
    assert check.layer_parameters.reference(768, 3072) == 7_087_872
    assert check.merge.reference([1, 2, 3, 1, 2], (1, 2), 9) == [9, 3, 9]
    assert check.merge.reference([5, 5, 5], (5, 5), 6) == [6, 5]
    assert check.spectrogram_shape.reference(8000, 256, 128) == (129, 61)
    assert check.equal_width.reference(1000, 4, 2, 2) == 16
    assert check.serving_bytes.reference(124_439_808, 12, 768, 1024, 16) == 286_628_352


def test_momentum_starts_from_a_plain_step_and_he_is_known_for_128_inputs():
    assert lk.check.ch03.momentum_steps.reference(1.0, [2.0], 0.1, 0.9) == pytest.approx(0.8)
    assert lk.check.ch03.he_scale.reference(128) == pytest.approx(0.125)
