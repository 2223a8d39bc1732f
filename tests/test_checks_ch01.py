"""The checks of chapter 1 against right answers and plausible wrong ones."""
import math

import pytest

import labkit as lk
from labkit.checks import exercises
from labkit.progress import solved

STATE = {"sgd": 0, "momentum": 4, "adam": 8}


def by_roofline(parameters, size, bandwidth, flops, batch=1):
    return min(batch * bandwidth / (parameters * size), flops / (2 * parameters))


RIGHT = {
    "1.1": [lambda n, d, share=1.0: 6 * n * share * d],
    "1.2": [lambda n, optimizer: n * (2 + 2 + 4 + STATE[optimizer])],
    "1.3": [lambda c, k, peak, u, price: (c / (k * peak * u) / 86_400, c / (peak * u) / 3600 * price)],
    "1.4": [lambda c: (math.sqrt(c / 120), 20 * math.sqrt(c / 120)), lambda c: [(c / 120) ** 0.5, (c / 0.3) ** 0.5]],
    "1.5": [by_roofline],
}
WRONG = {
    "1.1": [lambda n, d, share=1.0: 2 * n * share * d,                  # forward only
            lambda n, d, share=1.0: 6 * n * d,                          # all experts at once
            lambda n, d, share=1.0: 6 * n * d / share,
            lambda n, d, share=1.0: 6 * n * share + d],
    "1.2": [lambda n, optimizer: 16 * n,                                # Adam always
            lambda n, optimizer: 2 * n,                                 # the weights alone
            lambda n, optimizer: n * (2 + 2 + STATE[optimizer]),        # without the float32 copy
            lambda n, optimizer: n * (8 + STATE[optimizer] / 2),        # optimizer state in 2 bytes
            lambda n, optimizer: n * (4 + 4 + 4 + STATE[optimizer])],
    "1.3": [lambda c, k, peak, u, price: (c / (k * peak * u) / 86_400, c / (k * peak * u) / 3600 * price),
            lambda c, k, peak, u, price: (c / (k * peak) / 86_400, c / peak / 3600 * price),    # at full speed
            lambda c, k, peak, u, price: (c / (k * peak * u) / 3600, c / (peak * u) / 3600 * price),    # hours
            lambda c, k, peak, u, price: c / (k * peak * u) / 86_400],
    "1.4": [lambda c: (math.sqrt(c / 6), math.sqrt(c / 6)),             # as many tokens as parameters
            lambda c: (20 * math.sqrt(c / 120), math.sqrt(c / 120)),    # the other way round
            lambda c: (math.sqrt(c / 20), 20 * math.sqrt(c / 20))],     # the 6 forgotten
    "1.5": [lambda n, size, bandwidth, flops, batch=1: bandwidth / (n * size),              # one text
            lambda n, size, bandwidth, flops, batch=1: batch * bandwidth / (n * size),      # never compute-bound
            lambda n, size, bandwidth, flops, batch=1: flops / (2 * n),
            lambda n, size, bandwidth, flops, batch=1: batch / (n * size / bandwidth + 2 * n * batch / flops)],
}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path))
    monkeypatch.delenv("LABKIT_GRADING", raising=False)


def test_every_check_of_the_chapter_is_tested():
    assert {number for number in exercises() if number.startswith("1.")} == set(RIGHT) == set(WRONG)
    for number in RIGHT:
        check = exercises()[number]
        assert len(WRONG[number]) >= 2 and len(check.hints()) == 3 and check.__doc__
        assert getattr(lk.check.ch01, check.__name__) is check


@pytest.mark.parametrize("number, answer", [(number, answer) for number in RIGHT for answer in RIGHT[number]])
def test_a_right_answer_is_accepted(number, answer, capfd):
    exercises()[number](answer)
    assert capfd.readouterr() == (f"Exercise {number}: correct.\n", "")
    assert list(solved()) == [number]


@pytest.mark.parametrize("number, answer", [(number, answer) for number in WRONG for answer in WRONG[number]])
def test_a_wrong_answer_raises_and_says_given_expected_and_got(number, answer, capfd):
    with pytest.raises(AssertionError, match=f"Exercise {number}: not correct yet.\nGiven: .*\nExpected: .*\nGot: "):
        exercises()[number](answer)
    assert capfd.readouterr() == ("", "") and not solved()


def test_the_examples_in_the_docstrings():
    check = lk.check.ch01
    assert check.training_flops.reference(175e9, 300e9) == pytest.approx(3.15e23)
    assert check.training_memory.reference(175e9, "adam") == pytest.approx(2.8e12)
    assert check.days_and_money.reference(3.14e23, 1024, 312e12, 0.4, 2.0)[0] == pytest.approx(28, abs=0.5)
    assert check.best_split.reference(5.76e23) == pytest.approx((69e9, 1.4e12), rel=0.02)
    assert check.tokens_per_second.reference(70e9, 2, 3.35e12, 989e12) == pytest.approx(23.9, abs=0.05)
