"""The same network in three frameworks: sources that are counted, one step from the same weights, Keras apart."""
import subprocess
import sys

import numpy as np
import pytest
import torch

from labkit.resources import contestants, frameworks
from labkit.settings import SettingError


def test_the_source_shown_is_what_a_learner_writes_and_its_lines_are_counted():
    text = frameworks.source("PyTorch")
    assert text.startswith("def build(seed, rate):") and "loss.backward()" in text and "def put" not in text
    assert frameworks.lines("PyTorch") == len([line for line in text.splitlines() if line])
    assert frameworks.lines("scikit-learn") < frameworks.lines("PyTorch")
    with pytest.raises(SettingError, match="PyTorch, scikit-learn, Keras"):
        frameworks.source("Theano")


@pytest.fixture(scope="module")
def results():
    return frameworks.compare(seed=11, epochs=15, limit=120)


def test_from_the_same_weights_one_step_is_the_same_and_one_epoch_is_not(results):
    rows = frameworks.agreement(results)
    others = rows.drop(index="PyTorch")
    assert len(others) >= 1 and (others[["probabilities", "weights after one step"]] < 1e-5).all(axis=None)
    assert (others["weights after one epoch"] > 1e-3).all()
    assert rows.loc["PyTorch", "largest weight drawn"] < 1 / 8 < rows.loc["scikit-learn", "largest weight drawn"]
    first = results["PyTorch"].found
    assert not np.array_equal(first["step0"], frameworks.start(11)[0])      # the step did move the weights


def test_each_learns_the_digits(results):
    table = frameworks.table(results)
    assert list(table.index) == ["PyTorch", "scikit-learn", "Keras"]
    assert (table["accuracy"].dropna() > 0.85).all() and (table["seconds"].dropna() > 0).all()
    assert bool(results["Keras"].found) != bool(results["Keras"].note)


def test_the_global_random_numbers_and_keras_stay_out(monkeypatch):
    monkeypatch.setattr(frameworks, "find_spec", lambda name: None)
    before = torch.get_rng_state()
    results = frameworks.compare(seed=0, epochs=1)
    assert torch.equal(torch.get_rng_state(), before) and "keras" not in sys.modules
    assert results["Keras"].note == "Keras is not installed here: pip install keras"
    assert frameworks.table(results)["seconds"].isna().tolist() == [False, False, True]
    assert list(frameworks.agreement(results).index) == ["PyTorch", "scikit-learn"]
    with pytest.raises(RuntimeError, match="not installed"):
        frameworks.measure(0)


@pytest.mark.parametrize("error, note", [
    (subprocess.TimeoutExpired("python", 5), "Keras was stopped after 5 seconds"),
    (subprocess.CalledProcessError(1, "python", stderr="no torch\n"), "Keras ended with an error: no torch")])
def test_a_process_that_hangs_or_fails_is_a_note(monkeypatch, error, note):
    def run(*_arguments, **_settings):
        raise error
    monkeypatch.setattr(frameworks, "find_spec", lambda name: True)
    monkeypatch.setattr(subprocess, "run", run)
    assert frameworks._in_process("in_keras", {"epochs": 1}, 5) == ({}, note)


def test_an_error_of_a_contestant_is_not_swallowed():
    with pytest.raises(KeyError):
        contestants.contest(None, {"images": np.zeros((1, 64))})
