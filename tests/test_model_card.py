import dataclasses

import numpy as np
import pytest

from labkit.data import table
from labkit.settings import SettingError
from labkit.trends import fairness, model_card

LOANS = table("german-credit")
BAD, GROUP = 1 - LOANS.frame["risk"].to_numpy(), fairness.young(LOANS.frame)
USE = "Teaching."


def decisions(approved) -> fairness.Decisions:
    return fairness.Decisions(np.where(approved, 0.1, 0.9), np.full(len(BAD), 0.5))


def test_the_card_says_what_was_measured():
    approved = np.random.default_rng(0).random(len(BAD)) < 0.5
    card = model_card.credit_card(LOANS, [decisions(approved)], USE, seed=4, energy=0.25)
    measured = fairness.gaps([decisions(approved)], BAD, GROUP, seed=4)
    row = measured.loc["true positive rate"]
    assert f"| {row.young:.3f} | {row.older:.3f} | {row.gap:+.3f} | {row.low:+.3f} … {row.high:+.3f} |" in card
    assert LOANS.sha256 in card and LOANS.note in card and USE in card and "0.25 Wh" in card
    assert "190 loans; older: 810" in card and "duration 4 – 72" in card and "seed 4" in card


def test_the_card_follows_the_decisions():
    fair = model_card.credit_card(LOANS, [decisions(BAD == 0)], USE)
    unfair = model_card.credit_card(LOANS, [decisions(~GROUP)], USE)
    differ = [next((line for line in card.splitlines() if line.startswith("- Groups differ in")), "")
              for card in (fair, unfair)]
    assert "true positive rate" in differ[1] and "true positive rate" not in differ[0]
    assert "not measured" in fair and "Cost per loan 0.000" in fair
    without = model_card.credit_card(LOANS, [decisions(BAD == 0)], USE, "with age")
    assert "purpose, age." in without and "purpose, age." not in fair


def test_the_use_is_shown_letter_by_letter():
    card = model_card.credit_card(LOANS, [decisions(BAD == 0)], "![seen](http://x/y)\n# <img src=x> `a` &lt;")
    assert "- !\\[seen\\](http://x/y) \\# &lt;img src=x&gt; \\`a\\` &amp;lt;" in card.replace("\\!", "!")


def test_another_checksum_is_another_card():
    other = dataclasses.replace(LOANS, sha256="0" * 64)
    assert "0" * 64 in model_card.credit_card(other, [decisions(BAD == 0)], USE)


@pytest.mark.parametrize("change, message", [
    ({"use": " "}, "use = ' '"), ({"policy": "none"}, "policy = 'none'.*reweighed"),
    ({"decisions": []}, "decisions = 0"), ({"scorer": "oracle"}, "scorer = 'oracle'")])
def test_a_card_without_its_parts_is_refused(change, message):
    with pytest.raises(SettingError, match=message):
        model_card.credit_card(**{"loans": LOANS, "decisions": [decisions(BAD == 0)], "use": USE} | change)


def test_saving_writes_once(tmp_path):
    card = model_card.credit_card(LOANS, [decisions(BAD == 0)], USE)
    path = model_card.save(card, tmp_path / "card.md")
    assert path.read_text(encoding="utf-8") == card
    with pytest.raises(SettingError, match="does not exist yet"):
        model_card.save(card, path)
