"""The bank of questions: whole, spread over the chapters, and each with a cell that exists; the self-test's state."""
from collections import Counter

import pytest

import labkit as lk
from labkit import questions
from labkit.language import _
from labkit.settings import SettingError

BANK = questions.bank()


def test_the_bank_has_six_questions_of_each_chapter():
    assert Counter(question.chapter for question in BANK) == {f"{chapter:02d}": 6 for chapter in range(1, 11)}
    assert len({question.text for question in BANK}) == 60
    assert len({question.chapter + question.cell for question in BANK}) == 60


@pytest.mark.parametrize("question", BANK, ids=lambda question: f"{question.chapter}-{question.cell}")
def test_a_question_is_whole(question, monkeypatch):
    assert 3 <= len(set(question.options)) == len(question.options) <= 4 and question.answer == 0
    assert question.text.endswith("?") and question.why.endswith(".") and len(question.why) > 30
    assert f"cell {question.cell}" in question.where() and "“”" not in question.where()
    english = question.shown()
    monkeypatch.setenv("LABKIT_LANGUAGE", "zh")
    chinese = question.shown()
    assert chinese["text"] != english["text"] and chinese["why"] != english["why"]
    assert chinese["where"].startswith(f"第{int(question.chapter)}章")


@pytest.mark.parametrize("seed", range(5))
def test_twenty_are_drawn_two_of_each_chapter_in_the_order_of_the_course(seed):
    drawn = questions.draw(20, seed)
    assert set(Counter(question.chapter for question in drawn).values()) == {2}
    assert [question.chapter for question in drawn] == sorted(question.chapter for question in drawn)
    kept = {question.text: question for question in BANK}
    for question in drawn:
        assert question.options[question.answer] == kept[question.text].options[0]
        assert sorted(question.options) == sorted(kept[question.text].options)
    assert drawn == questions.draw(20, seed) != questions.draw(20, seed + 5)


def test_the_right_option_stands_at_every_place():
    places = Counter(question.answer for seed in range(20) for question in questions.draw(20, seed))
    assert min(places[place] for place in range(3)) > 80


@pytest.mark.parametrize("count", [0, 61, True, 2.5, "20"])
def test_a_count_that_the_bank_does_not_have_is_refused(count):
    with pytest.raises(SettingError, match="count = .* from 1 to 60"):
        questions.draw(count)


def test_a_cell_or_a_chapter_that_does_not_exist_is_refused():
    with pytest.raises(SettingError, match="cell = 'nowhere'"):
        questions.heading_above("05", "nowhere")
    with pytest.raises(SettingError, match="chapter = '11'"):
        questions.heading_above("11", "title")


def test_answers_are_counted_and_others_can_be_drawn(capsys):
    test = lk.SelfTest(5, seed=3)
    assert test.choices == [-1] * 5 and test.right == 0
    answer, wrong = test.questions[1].answer + 1, 2 if test.questions[0].answer == 0 else 1
    assert test.choose(2, answer) and not test.choose(1, wrong)
    assert test.right == 1 and test.choices[1] == answer - 1
    for number, option in ((0, 1), (6, 1), (1, 0), (1, 5)):
        with pytest.raises(SettingError):
            test.choose(number, option)
    before = test.questions
    test.view._handle_custom_msg({"again": True}, [])
    assert test.questions != before and test.choices == [-1] * 5 and test.seed == 4


def test_without_a_page_the_questions_stay_as_text(capsys):
    test = lk.SelfTest(3)
    test.show()
    printed = capsys.readouterr().out
    assert all(question.text in printed for question in test.questions)
    assert not any(question.why in printed for question in test.questions) and _("Right.") not in printed
