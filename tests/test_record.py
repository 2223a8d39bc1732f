"""Recording: what is written is what the rules read, and the file is replaced only at the end."""
import json

import pytest
import torch
from toy import random_cifar

from labkit import claims, record
from labkit.experiments import ch05
from labkit.settings import SettingError


@pytest.fixture
def small_cifar(monkeypatch):
    """80 random images in place of CIFAR-10: enough for steps of 32 with a smaller last one."""
    data = random_cifar(80)
    monkeypatch.setattr(ch05, "load", lambda name, path=None, validation=0.1: data)


def test_a_record_has_what_the_rules_read(small_cifar, capsys):
    made = {"chapter": "05", **record.surroundings(), **ch05.record(seeds=(0, 1, 2), epochs=2)}
    made = json.loads(json.dumps(made))
    assert [(run["setup"], run["seed"]) for run in made["runs"]] == [
        (setup, seed) for seed in range(3) for setup in ("logits", "softmax")]
    assert made["runs"][0]["steps_per_epoch"] == 3
    for claim in ("C5.1", "C5.2", "C5.3", "C5.4", "C5.5"):
        judgement = claims.decide(claim, made)
        assert judgement.verdict in claims.VERDICTS and "made up" in judgement.source


def test_the_running_accuracy_weighs_the_smaller_last_batch(small_cifar, capsys):
    """An epoch's average counts images, as Keras does, so it is a whole number of images of 80."""
    run = ch05.record(seeds=(0,), epochs=1)["runs"][0]
    right = run["train_accuracy_running"] * 80
    assert right == pytest.approx(round(right), abs=1e-6)


def test_both_setups_start_from_the_same_weights(small_cifar, capsys):
    logits, softmax = ch05.record(seeds=(3,), epochs=1)["runs"]
    assert softmax["first_gradient"] < logits["first_gradient"]
    assert logits["train_loss_by_epoch"] != softmax["train_loss_by_epoch"]


def test_the_file_is_written_whole(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(record, "chapters_folder", lambda: tmp_path / "chapters")
    monkeypatch.setattr(record, "surroundings", lambda: {"date": "2026-01-01", "commit": "0", "machine": "m"})
    monkeypatch.setattr(ch05, "record", lambda path=None: {"seeds": [0, 1, 2]})
    assert record.main(["5"]) == 0
    written = tmp_path / "chapters" / "recorded" / "05.json"
    assert json.loads(written.read_text())["seeds"] == [0, 1, 2]
    assert [path.name for path in written.parent.iterdir()] == ["05.json"]


def test_a_chapter_without_experiments_is_named():
    with pytest.raises(SettingError, match="99"):
        record.main(["99"])


@pytest.mark.parametrize(("level", "bf16", "expected"), [("AVX2", False, "AVX2"), ("AVX512", True, "AVX512-bf16"),
                                                         ("NO AVX", False, "NO-AVX")])
def test_a_record_says_which_instructions_torch_uses(monkeypatch, level, bf16, expected):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: level)
    monkeypatch.setattr(record, "has_bf16", lambda device: bf16)
    assert record.instructions() == expected and f"({expected}), " in record.surroundings()["machine"]
