"""The ladder of chapter 5: each rung changes one thing, and climbing one measures what the record holds."""
import dataclasses
import itertools
import json
import statistics

import pytest
import torch
from toy import random_cifar

from benchmarks import ladder
from benchmarks.peers.__main__ import Peer
from labkit.claims import recorded
from labkit.experiments import speedrun
from labkit.models import parameter_count
from labkit.recipes import speedrun as recipe


@pytest.fixture
def small_cifar(monkeypatch):
    """600 random images in place of CIFAR-10."""
    data = random_cifar(600)
    monkeypatch.setattr(ladder, "load", lambda name, path=None, validation=0.1: data)
    return data


def test_each_rung_changes_the_network_or_the_recipe_and_the_last_is_the_speed_run():
    images = torch.randint(0, 256, (50, 3, 32, 32), dtype=torch.uint8)
    for before, rung in zip(speedrun.LADDER, speedrun.LADDER[1:], strict=False):
        fields = [field.name for field in dataclasses.fields(rung.recipe)
                  if getattr(rung.recipe, field.name) != getattr(before.recipe, field.name)]
        networks = [parameter_count(each.network(images)) for each in (before, rung)]
        assert bool(fields) + (networks[0] != networks[1]) == 1 or rung.idea in (
            "another network, two passes", "mirrored filters"), rung.idea
    assert fields == ["augmentation"] and speedrun.LADDER[-1].recipe.augmentation is None
    assert [rung.recipe.total_steps(45_000) for rung in speedrun.LADDER[-3:]] == [270, 243, 243]
    last = speedrun.LADDER[-1].recipe
    assert dataclasses.replace(last, validate_every=None, epsilon=recipe.epsilon) == recipe     # Muon has no epsilon


def test_the_table_tells_seconds_and_accuracies_by_rung():
    def run(idea, seed, seconds, accuracy):
        return {"idea": idea, "seed": seed, "seconds": seconds, "test_seconds": 1.0, "mirrored_seconds": 2.0,
                "test_accuracy": accuracy, "mirrored_accuracy": accuracy + 0.01}
    record = {"document": {"runs": [{"seconds": 59.0, "test_seconds": 1.0, "test_accuracy": 0.7}]},
              "rungs": [run("Muon", 0, 39.0, 0.8), run("flips", 0, 19.0, 0.82), run("flips", 1, 21.0, 0.84)]}
    assert speedrun.share(record, "flips") == pytest.approx(21 / 60)
    assert speedrun.share(record, "flips", mirror_images=True) == pytest.approx(22 / 60)
    table = speedrun.table(record)
    assert list(table.index) == ["the program in Keras", "Muon", "flips"]
    assert table.loc["flips"].tolist() == ["21", "83.00%", "82.00%", "84.00%", "84.00%", 2]
    assert table.loc["the program in Keras"].tolist() == ["60", "70.00%", "70.00%", "70.00%", "–", 1]


def test_a_climb_measures_what_the_record_holds(small_cifar):
    found = speedrun.climb(speedrun.LADDER[-1], small_cifar, seed=3, threads=1)
    assert found["seed"] == 3 and found["threads"] == 1
    assert found["steps"] == 2 + 1 + 1 + 1 + 1      # 600, 300, 240, 240 and 240 images, in batches of up to 500
    assert all(0 <= found[name] <= 1 for name in ("validation_accuracy", "test_accuracy", "mirrored_accuracy"))
    assert found["seconds"] > found["test_seconds"] > 0 and found["mirrored_seconds"] > 0


def test_the_command_writes_the_documents_program_and_every_rung(small_cifar, monkeypatch, tmp_path, capsys):
    rungs = [dataclasses.replace(rung, recipe=dataclasses.replace(rung.recipe, epochs=1, steps=1))
             for rung in speedrun.LADDER[-3:]]
    monkeypatch.setattr(ladder, "LADDER", rungs)
    monkeypatch.setattr(ladder, "document", lambda file, seed: {"seed": seed, "seconds": float(file.exists())})
    monkeypatch.setattr(Peer, "set_up", lambda peer: None)
    monkeypatch.setattr(Peer, "versions", lambda peer: "keras 3")
    assert ladder.main(["--document", "2", "--seeds", "1", "--last", "2", "--out", str(tmp_path / "out.json")]) == 0
    record = json.loads((tmp_path / "out.json").read_text())
    assert [(run["idea"], run["seed"]) for run in record["rungs"]] == [
        *((rung.idea, 0) for rung in rungs), *((rung.idea, 1) for rung in rungs[-2:])]
    assert record["document"] == {"versions": "keras 3", "runs": [{"seed": seed, "seconds": 1.0} for seed in range(2)]}
    assert record["data"]["note"] == "made up" and record["machine"] and record["commit"]

    del record["rungs"][2:], record["document"]["runs"][1:]
    record["rungs"][0]["kept"] = True
    (tmp_path / "out.json").write_text(json.dumps(record))
    assert ladder.main(["--document", "2", "--seeds", "1", "--last", "2", "--out", str(tmp_path / "out.json"),
                        "--resume"]) == 0
    resumed = json.loads((tmp_path / "out.json").read_text())
    assert [(run["idea"], run["seed"], "kept" in run) for run in resumed["rungs"]] == [
        (rungs[0].idea, 0, True), (rungs[1].idea, 0, False), (rungs[2].idea, 0, False), (rungs[1].idea, 1, False),
        (rungs[2].idea, 1, False)]
    assert [run["seed"] for run in resumed["document"]["runs"]] == [0, 1]


def test_the_record_says_what_the_chapter_says_of_it():
    record = recorded("speedrun")
    right, twice, took = ({idea: statistics.mean(values) for idea, values in of(record).items() if None not in values}
                          for of in (speedrun.accuracies, speedrun.mirrored, speedrun.seconds))
    ideas = [speedrun.KERAS, *(rung.idea for rung in speedrun.LADDER)]
    assert list(right) == ideas
    assert [len(values) for values in speedrun.accuracies(record).values()][-2:] == [5, 5]
    gains = {idea: right[idea] - right[before] for before, idea in itertools.pairwise(ideas)}
    free, last = ideas[-2:]
    assert right[last] > 0.8274 and speedrun.share(record, last) < 1 / 3
    assert right[last] - right[free] > 0.01 and abs(took[last] / took[free] - 1) < 0.1
    assert abs(twice[last] - right[last]) < 0.001       # averaging mirror images has nothing left to add
    assert gains["large batches"] < 0 and max(gains, key=gains.get) == "Muon"
    assert took["half precision"] / took["another network, two passes"] < 2 / 3 and abs(gains["half precision"]) < 0.01
    assert {len(values) for values in speedrun.accuracies(record).values()} == {2, 3, 5}
