"""What `labkit numbers` says on a machine with an accelerator, on made-up figures and with a CPU in its place."""
import numpy as np
import pytest
import torch

from labkit import cli, numbers

CPU = torch.device("cpu")
FIGURES = {"logits": np.array([[2.0, -4.0]]), "losses": np.array([[2.0, 1.0]]), "accuracy": np.array([0.7, 0.8])}


def moved(**changes) -> dict[str, np.ndarray]:
    return {name: values + np.array(changes.get(name, 0.0)) for name, values in FIGURES.items()}


@pytest.mark.parametrize("changes, name, difference", [
    ({"logits": [0.01, -0.03]}, "logits", 0.03 / 4), ({"losses": [0.0, 0.04]}, "losses", 0.04),
    ({"accuracy": [-0.06, 0.01]}, "accuracy", 0.025), ({"accuracy": [0.06, -0.06]}, "accuracy", 0.0)])
def test_each_difference_is_a_share_of_what_it_is_of(changes, name, difference):
    found = numbers.differences(FIGURES, moved(**changes))
    assert found == pytest.approx({**dict.fromkeys(FIGURES, 0.0), name: difference})
    assert numbers.outside(found) == [name] * (difference > 0)


def test_what_is_no_number_is_outside():
    assert numbers.outside(numbers.differences(FIGURES, moved(losses=float("nan")))) == ["losses"]
    assert numbers.outside(dict(numbers.LIMITS)) == []


@pytest.fixture(scope="module")
def processor():
    return numbers.measure(CPU, seeds=1, steps=20)


def test_the_same_processor_gives_the_same_bits(processor):
    assert set(numbers.differences(processor, numbers.measure(CPU, seeds=1, steps=20)).values()) == {0.0}


def test_the_rounding_of_an_accelerator_on_the_processor_is_within_the_limits(processor):
    found = numbers.differences(processor, numbers.measure(CPU, seeds=1, steps=20, precision="bf16"))
    assert numbers.outside(found) == [] and any(found.values())


@pytest.mark.parametrize("change, code", [({}, 0), ({"logits": 0.1}, 1)])
def test_the_command_tells_well_from_ill(monkeypatch, capsys, change, code):
    given = iter([FIGURES, moved(**change)])
    monkeypatch.setattr(numbers, "choose", lambda name: torch.device("mps"))
    monkeypatch.setattr(numbers, "measure", lambda device: next(given))
    assert cli.main(["numbers"]) == code
    shown = capsys.readouterr().out
    assert "Apple GPU beside the processor" in shown and ("outside" in shown) == bool(code)


def test_without_an_accelerator_the_command_says_so(monkeypatch, capsys):
    monkeypatch.setattr(numbers, "choose", lambda name: CPU)
    assert cli.main(["numbers"]) == 3
    assert "no accelerator here" in capsys.readouterr().out
