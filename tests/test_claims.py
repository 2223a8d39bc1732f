import itertools
import json
import math

import pytest
from scipy.stats import binom

from labkit import claims
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, ch05, decide
from labkit.settings import SettingError

FLOOR = math.log(math.e + 9) - 1
LOGITS = {"setup": "logits", "lowest_train_loss": 0.6, "first_gradient": 2.0, "test_accuracy": 0.70,
          "steps_per_epoch": 1407, "validation_accuracy": 0.69, "train_accuracy_running": 0.75,
          "train_accuracy_after": 0.77, "ms_per_step": 9.0, "epoch_seconds": 12.0, "threads": 2}
SOFTMAX = {**LOGITS, "setup": "softmax", "lowest_train_loss": FLOOR + 0.2, "test_accuracy": 0.60}
SPREAD = (-0.01, 0.0, 0.01)


def record(seeds=3, logits=None, softmax=None):
    """A made-up record; `logits` and `softmax` change their runs, by a value or by one value a seed."""
    runs = []
    for seed in range(seeds):
        for base, changes in ((LOGITS, logits), (SOFTMAX, softmax)):
            values = {name: value[seed] if isinstance(value, (list, tuple)) else value
                      for name, value in (changes or {}).items()}
            runs.append({**base, "test_accuracy": base["test_accuracy"] + SPREAD[seed], "seed": seed, **values})
    return {"seeds": list(range(seeds)), "runs": runs, "classes": 10, "batch_size": 32, "epochs": 10,
            "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": {"name": "made up", "note": "", "train": 45_000, "validation": 5_000, "test": 10_000}}


@pytest.mark.parametrize("claim, verdict, changes", [
    ("C5.1", NOT, {}),
    ("C5.1", IN_PART, {"softmax": {"test_accuracy": (0.68, 0.70, 0.72)}}),
    ("C5.1", IN_PART, {"logits": {"test_accuracy": (0.6, 0.7, 0.8)}}),          # the gap is within the spreads
    ("C5.1", HOLDS, {"softmax": {"lowest_train_loss": (2.0, FLOOR - 0.01, 2.0)}}),
    ("C5.1", HOLDS, {"logits": {"lowest_train_loss": (0.6, FLOOR, 0.6)}}),
    ("C5.2", NOT, {}),
    ("C5.2", HOLDS, {"logits": {"steps_per_epoch": 1149}}),
    ("C5.2", NOT, {"logits": {"steps_per_epoch": (1149, 1149, 1407)}}),
    ("C5.3", NOT, {}),
    ("C5.3", NOT, {"logits": {"test_accuracy": (0.79, 0.80, 0.797)}}),
    ("C5.3", IN_PART, {"logits": {"test_accuracy": (0.79, 0.80, 0.81)}}),       # 0.80 + 3 x 0.01
    ("C5.3", HOLDS, {"logits": {"test_accuracy": (0.82, 0.8274, 0.84)}}),
    ("C5.4", UNDECIDED, {}),
    ("C5.4", IN_PART, {"logits": {"validation_accuracy": (0.69, 0.76, 0.69)}}),
    ("C5.4", UNDECIDED, {"logits": {"validation_accuracy": 0.76, "train_accuracy_running": 0.76}}),
    ("C5.5", UNDECIDED, {}),
    ("C5.5", HOLDS, {"logits": {"ms_per_step": (4, 5, 6), "epoch_seconds": (7.4, 7.5, 7.5)}}),
    ("C5.5", UNDECIDED, {"logits": {"ms_per_step": 5, "epoch_seconds": 7.6}}),
    ("C5.5", UNDECIDED, {"logits": {"ms_per_step": 3.7, "epoch_seconds": 6}}),
])
def test_each_verdict(claim, verdict, changes):
    judgement = decide(claim, record(**changes))
    assert judgement.verdict == verdict and judgement.claim == claim and judgement.findings
    assert judgement.source == "3 seeds, made up, recorded 2026-01-02 on a machine, commit abc1234"


@pytest.mark.parametrize("chance, above, verdict", [
    (0.05, True, HOLDS), (0.05, False, IN_PART), (0.049, True, IN_PART), (1e-4, False, UNDECIDED), (9e-5, False, NOT),
    (9e-5, True, IN_PART)])
def test_same_accuracy_by_its_two_parts(monkeypatch, chance, above, verdict):
    monkeypatch.setattr(ch05, "same_digits", lambda *arguments: chance)
    made = record(logits={"validation_accuracy": 0.8 if above else 0.7})
    assert decide("C5.4", made).verdict == verdict


@pytest.mark.parametrize("claim", [claim for claim in claims.known() if claim.startswith("C5.")])
@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_decide_nothing(claim, seeds):
    judgement = decide(claim, record(seeds, {"steps_per_epoch": 1149, "test_accuracy": 0.9}))
    assert judgement.verdict == UNDECIDED
    assert judgement.findings[-1] == "Fewer than 3 seeds decide nothing."
    assert len(judgement.findings) > 1      # what was measured is shown all the same


def test_findings_show_the_numbers_with_their_spread():
    findings = decide("C5.3", record()).findings
    assert findings[0] == "Test accuracy after 10 epochs: 70.00 ± 1.00 (69.00 – 71.00) %; printed: 82.74 %."
    assert findings[1].endswith("60.00 ± 1.00 (59.00 – 61.00) %.")
    assert decide("C5.2", record()).findings == (
        "An epoch of 45,000 training images in batches of 32 has 1407 steps.",)
    assert "1.80 and 2.00 times the printed figures" in decide("C5.5", record()).findings[1]


def test_an_unknown_claim_is_refused():
    for call in (lambda: decide("C5.9", None), lambda: claims.judge("C5.9")):
        with pytest.raises(SettingError, match="claim = 'C5.9' cannot be used. Allowed: .*C5.1, C5.2"):
            call()


@pytest.fixture
def shown(monkeypatch):
    """What `judge` displays, as (bundle, options)."""
    found = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **options: found.append((bundle, options)))
    return found


def test_judge_without_a_record_says_how_to_record(monkeypatch, tmp_path, shown):
    monkeypatch.setattr(claims, "chapters_folder", lambda: tmp_path)
    claims.judge("C5.3")
    (bundle, options), = shown
    assert bundle["text/plain"].splitlines() == [
        "C5.3 · cannot be decided here", "Claim: Ten epochs reach 82.74 % on the CIFAR-10 test set",
        "  – Nothing has been recorded yet; make record CHAPTER=05 does it."]
    assert options == {"raw": True, "metadata": {"labkit": {"claim": "C5.3", "verdict": UNDECIDED}}}


def test_judge_reads_the_chapters_record_and_escapes_it(monkeypatch, tmp_path, shown):
    (tmp_path / "recorded").mkdir()
    made = {**record(), "machine": "<b>fast & cheap</b>"}
    (tmp_path / "recorded" / "05.json").write_text(json.dumps(made), encoding="utf-8")
    monkeypatch.setattr(claims, "chapters_folder", lambda: tmp_path)
    claims.judge("C5.1")
    (bundle, options), = shown
    assert bundle["text/plain"].startswith("C5.1 · does not hold\n")
    assert options["metadata"] == {"labkit": {"claim": "C5.1", "verdict": "does not hold"}}
    assert "<b>" not in bundle["text/html"] and "&lt;b&gt;fast &amp; cheap" in bundle["text/html"]
    assert claims.recorded("06") is None


@pytest.mark.parametrize("first, second, accuracy", [(5, 10, 0.8274), (7, 11, 0.5), (3, 3, 0.9), (1, 12, 0.2)])
def test_same_digits_is_the_sum_over_all_outcomes(first, second, accuracy):
    expected = sum(binom.pmf(a, first, accuracy) * binom.pmf(b, second, accuracy)
                   for a, b in itertools.product(range(first + 1), range(second + 1))
                   if f"{a / first:.4f}" == f"{b / second:.4f}")
    assert ch05.same_digits(accuracy, first, second) == pytest.approx(expected, rel=1e-9)


def test_same_digits_for_the_documents_sets():
    """5,000 and 10,000 images print the same digits exactly when the second is right twice as often."""
    a = range(5001)
    expected = (binom.pmf(a, 5000, 0.8274) * binom.pmf([2 * right for right in a], 10_000, 0.8274)).sum()
    assert ch05.same_digits(0.8274, 5000, 10_000) == pytest.approx(expected, rel=1e-6)


def test_the_table_has_each_claim_with_its_verdict():
    table = claims.table()
    assert list(table.index) == claims.known()
    for claim in claims.known():
        judgement = decide(claim, claims.recorded(f"{int(claim[1:].split('.')[0]):02d}"))
        assert tuple(table.loc[claim]) == (judgement.text, judgement.verdict)


def test_a_record_on_two_data_sets_names_both():
    made = record()
    made["data"] = [made["data"], {"name": "another", "sha256": "0", "note": "small"}]
    assert "; another, small, recorded" in decide("C5.3", made).source
