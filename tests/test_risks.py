"""The register shows what was recorded and nothing else."""
import json
import math

import pytest

from labkit.claims import recorded
from labkit.settings import SettingError
from labkit.venture import risks

EQUAL = {name: (0.5, 2.0) for name in risks.RISKS}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write(folder, chapter, runs, **more):
    record = {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "a machine", "commit": ""} | more
    (folder / f"{chapter}.json").write_text(json.dumps(record), encoding="utf-8")


def test_without_records_nothing_is_measured(folder):
    table = risks.register(known_facts=risks.facts(folder))
    assert len(table) == 5 and set(table["measured"]) == {"not measured"} == set(table["verdict"])
    assert (table["owner"] == "").all() and table["expected loss"].isna().all()


def test_records_of_another_form_hold_nothing(folder):
    kinds = (("outcome", ""), ("training", "GPT-3 175B"), ("lesions", "network"))
    for chapter in ("05", "06", "09"):
        write(folder, chapter, [{"part": part, "setup": "logits", "model": model, "seed": 0} for part, model in kinds])
    assert all(not fact.lines for fact in risks.facts(folder).values())


def test_figures_are_those_of_the_records(folder):
    write(folder, "05", [{"setup": "logits", "wall_seconds": second} for second in (10, 20, 30)], epochs=4)
    write(folder, "06", [{"part": "outcome", "task": task, "simple": 1, "deep": deep, "lower_is_better": lower}
                         for task, deep, lower in (("a", 2, False), ("a", 1, False), ("b", 2, False), ("c", 0, True))]
          + [{"part": "lesions", "model": "network", "missed": 3, "lesions": 9}])
    found = risks.facts(folder)
    assert found["compute"].lines == (("05", "chapter 5's network, 4 epochs: 20 ± 10 (10 – 30) s on a machine"),)
    assert found["explanation"].lines == (
        ("06", "in 1 of 3 products of chapter 6 the deep model was not ahead in every seed"),)
    assert found["law"].lines == (("06", "chapter 6's network missed 3 of 9 drawn lesions"),)


def test_a_verdict_stands_beside_its_first_finding(folder):
    runs = [{"part": "training", "seed": 0, "model": "GPT-3 175B", "device": "big", "bytes": 2e12, "device_bytes": 1e11,
             "devices": 20, "years": 7.0},
            {"part": "answering", "seed": 0, "precision": "int4", "device": "big", "devices": 1,
             "tokens_per_second": 50}]
    runs += [{"part": "machine", "seed": seed, "training": 1e9, "years": 1e6} for seed in range(3)]
    write(folder, "09", runs)
    found = risks.facts(folder)["compute"]
    assert found.verdicts == ("C9.1: holds in part",)
    assert [source for source, _line in found.lines] == ["C9.1", "09"] and "7.0 years" in found.lines[1][1]
    write(folder, "09", runs[:2])
    assert risks.facts(folder)["compute"].verdicts == ()        # undecided


def test_the_real_records_are_read():
    lines = {name: dict(fact.lines) for name, fact in risks.facts().items()}
    seconds = [run["wall_seconds"] for run in recorded("05")["runs"] if run["setup"] == "logits"]
    assert f"({min(seconds):.0f} – {max(seconds):.0f}) s" in lines["compute"]["05"]
    assert "of 10 products" in lines["explanation"]["06"] and "lesions" in lines["law"]["06"]


def test_estimates_give_losses_and_the_largest_comes_first():
    table = risks.register({"bias": (0.5, 4.0), "law": (0.1, 100.0)})
    assert table["expected loss"].tolist()[:2] == [10.0, 2.0] and math.isnan(table["expected loss"][2])
    assert list(table["challenge"][:2]) == ["laws and regulations", "bias of algorithms"]


@pytest.mark.parametrize("sort", risks.SORTS)
def test_each_order_can_be_asked_for(sort):
    table = risks.register(EQUAL, sort)
    assert len(table) == 5 and (sort == "expected loss" or table[sort].is_monotonic_increasing)


@pytest.mark.parametrize("estimates, sort, message", [
    ({"luck": (0.5, 1)}, "challenge", "risk = 'luck'.*compute"),
    ({"law": (1.5, 1)}, "challenge", "probability .law. = 1.5"),
    ({"law": (0.5, -1)}, "challenge", "impact .law. = -1"), ({"law": (float("nan"), 1)}, "challenge", "probability"),
    ({}, "owner", "sort = 'owner'.*expected loss")])
def test_wrong_estimates_are_refused(estimates, sort, message):
    with pytest.raises(SettingError, match=message):
        risks.register(estimates, sort)
