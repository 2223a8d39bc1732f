import json

import numpy as np
import pandas as pd
import pytest
import torch

from labkit import checklist
from labkit.checklist import comparison, faults, fitting, prepare, processing, report
from labkit.evaluation import predict
from labkit.settings import SettingError

pytestmark = pytest.mark.usefixtures("one_thread")


def csv(rows=120, seed=0):
    """A table whose classes can be told apart, with gaps, an identifier, a constant and a name."""
    draw = np.random.default_rng(seed)
    lines = ["id,size,colour,name,constant,gaps,kind"]
    for row in range(rows):
        kind = row % 2
        gap = "" if row % 5 == 0 else f"{draw.normal(3):.3f}"
        lines.append(f"{row},{draw.normal(3 * kind):.3f},{('red', 'blue', 'NA')[draw.integers(3)]},"
                     f"person {row},7,{gap},{('cat', 'dog')[kind]}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """All five steps on that table."""
    folder = tmp_path_factory.mktemp("run")
    collected = checklist.intake(("pets.csv", csv().encode()), folder)
    processed = checklist.process(collected, seed=1)
    chosen = checklist.choose(processed, 8)
    trained = checklist.train(processed, chosen, steps=60, seed=1)
    tuned = checklist.tune(processed, trained)
    return folder, collected, processed, chosen, trained, tuned


def test_parts_are_dealt_alike_and_do_not_overlap():
    numbers = np.repeat([0, 1, 2], (100, 50, 5))
    parts = processing.deal(numbers, seed=0)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(155))
    assert [np.bincount(numbers[parts[part]]).tolist() for part in processing.PARTS] == [
        [60, 30, 3], [20, 10, 1], [20, 10, 1]]
    assert all((parts[part] == processing.deal(numbers, 0)[part]).all() for part in parts)
    assert not np.array_equal(parts["test"], processing.deal(numbers, 1)["test"])
    few = processing.deal(numbers, 0, limit=31)
    assert np.bincount(numbers[np.concatenate(list(few.values()))]).tolist() == [20, 10, 5]


def test_what_is_measured_is_measured_on_the_training_part_alone(built):
    _folder, collected, processed, *_rest = built
    rows, numbers = processed.chosen["train"], processed.preparation.numbers
    known = collected.frame["gaps"].to_numpy()[rows]
    assert numbers["gaps"]["median"] == np.nanmedian(known) and numbers["gaps"]["indicator"]
    filled = np.where(np.isnan(known), np.nanmedian(known), known)
    assert numbers["gaps"]["mean"] == pytest.approx(filled.mean())
    inputs = processed.dataset.train.inputs
    assert inputs.shape[1] == processed.preparation.inputs == 2 + 1 + 3
    assert inputs[:, :2].mean(0).abs().max() < 1e-5 and (inputs[:, :2].std(0, correction=0) - 1).abs().max() < 1e-5
    others = collected.frame.copy()
    others.loc[~others.index.isin(rows), "size"] = 1e9
    assert prepare.fit(others.iloc[rows], ["id"]) == processed.preparation


def test_columns_that_tell_nothing_are_left_out_and_named(built):
    preparation = built[2].preparation
    assert preparation.left_out == {"id": "counts the rows", "name": "72 different words",
                                    "constant": "one value only"}
    assert preparation.kinds == {"colour": ["blue", "red", "–"]}
    assert prepare.counters(built[1].frame.iloc[::-1]) == []
    with pytest.raises(SettingError, match="a column that can tell examples apart"):
        prepare.fit(pd.DataFrame({"constant": [1.0, 1.0, 1.0]}))


def test_twice_the_same_row_is_left_out_and_one_of_another_class_is_kept(tmp_path):
    text = faults.table(rows=40).decode()
    lines = text.splitlines()
    more = "\n".join([text, lines[1], lines[2], lines[3].replace("cat", "dog")])
    processed = checklist.process(checklist.intake(("a.csv", more.encode()), tmp_path))
    assert sum(map(len, processed.chosen.values())) == 41
    assert dict(processed.done)["left out, twice there"] == "2"
    assert dict(processed.done)["kept, alike but of another class"] == "1"


def test_a_class_that_is_five_times_the_same_is_refused(tmp_path):
    text = faults.table().decode() + 5 * "\n3.5,red,lynx"
    collected = checklist.intake(("a.csv", text.encode()), tmp_path)
    with pytest.raises(SettingError, match="examples of lynx = 1"):
        checklist.process(collected)


def test_a_last_batch_of_one_does_not_stop_batch_normalisation(tmp_path):
    collected = checklist.intake(("a.csv", csv(109).encode()), tmp_path)
    processed = checklist.process(collected)
    assert len(processed.dataset.train) % fitting.BATCH == 1
    trained = checklist.train(processed, checklist.choose(processed, 4), steps=4)
    assert len(processed.dataset.train) % trained.run.recipe.batch_size > 1


def test_training_keeps_the_weights_that_were_best_on_validation(built):
    _folder, _collected, processed, _chosen, trained, tuned = built
    losses = trained.run.history["validation_loss"]
    assert trained.validation.loss == pytest.approx(np.nanmin(losses), rel=1e-5)
    assert trained.run.recipe.schedule == "one-cycle"
    assert tuned.best.validation.loss == min(trial.validation.loss for trial in tuned.trials)
    assert [trial.run.recipe.learning_rate for trial in tuned.trials] == list(fitting.RATES)
    again = checklist.train(processed, built[3], steps=60, seed=1)
    assert again.run.history["train_loss"].tolist() == trained.run.history["train_loss"].tolist()


def test_neither_training_nor_tuning_reads_the_test_part(built, monkeypatch):
    processed, chosen, trained = built[2], built[3], built[4]
    spoilt = torch.full_like(processed.dataset.test.inputs, float("nan"))
    monkeypatch.setitem(processed.dataset.test.__dict__, "inputs", spoilt)
    tuned = checklist.tune(processed, checklist.train(processed, chosen, steps=60, seed=1))
    assert tuned.best.validation == built[5].best.validation and trained.validation.loss > 0


def test_the_test_part_is_judged_beside_models_that_are_not_deep(built):
    judged = checklist.judge(built[2], built[5])
    assert judged.accuracy("most frequent class") == pytest.approx(0.5)
    assert judged.accuracy("network") > 0.8 and judged.accuracy("logistic regression") > 0.8
    assert judged.confusion.sum() == len(built[2].dataset.test) == len(judged.targets)
    assert "95 % interval" in repr(judged) and "cat" in repr(judged)


@pytest.mark.parametrize(("only", "verdict"), [
    ((20, 5), "network"), ((5, 20), "logistic regression"), ((7, 5), "no difference that can be told"),
    ((0, 0), "no difference that can be told"), ((6, 0), "network"), ((5, 0), "no difference that can be told")])
def test_a_verdict_needs_more_than_chance(only, verdict):
    deep = np.array([1] * only[0] + [0] * only[1] + [1] * 50)
    plain = np.array([0] * only[0] + [1] * only[1] + [1] * 50)
    judged = comparison.compared({"most frequent class": plain, "logistic regression": plain, "network": deep},
                            np.ones(len(deep), dtype=int), ("a", "b"))
    assert judged.only == only and judged.verdict == verdict


def test_a_saved_model_gives_the_same_numbers(built, tmp_path):
    _folder, _collected, processed, _chosen, _trained, tuned = built
    saved = checklist.load(checklist.save(tmp_path / "run", processed, tuned.best))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["model.json", "model.safetensors"]
    inputs = processed.dataset.test.inputs
    assert torch.equal(predict(saved.model, inputs), predict(tuned.best.run.model, inputs))
    for place in range(len(inputs)):        # the last one has a gap somewhere
        assert torch.equal(saved.preparation.one(processed.example("test", place))[0], inputs[place])
    answer = saved.answer(processed.example("test", 0))
    assert answer["class"] in ("cat", "dog") and 0.5 <= answer["probability"] <= 1
    assert saved.about["data"]["sha256"] == processed.collected.sha256


@pytest.mark.parametrize(("change", "message"), [
    ({"size": "big"}, "size = 'big'"), ({"size": float("inf")}, "finite number"), ({"size": True}, "finite number"),
    ({"colour": 3}, "colour = 3")])
def test_an_answer_refuses_what_is_no_row(built, tmp_path, change, message):
    saved = checklist.load(checklist.save(tmp_path, built[2], built[5].best))
    row = built[2].example("test", 0)
    with pytest.raises(SettingError, match=message):
        saved.answer(row | change)
    assert saved.answer(row | {"size": None, "colour": "green", "unknown": 1})["class"]
    with pytest.raises(SettingError, match="Missing: size"):
        saved.answer({name: value for name, value in row.items() if name != "size"})
    with pytest.raises(SettingError, match="a dictionary"):
        saved.answer([1, 2])


def spoil(about, **changes):
    about.write_text(json.dumps({**json.loads(about.read_text()), **changes}))


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "model.json").unlink(),
    lambda folder: (folder / "model.json").write_text("{"),
    lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04."),
    lambda folder: spoil(folder / "model.json", version=9),
    lambda folder: spoil(folder / "model.json", network={"model": "os.system"}),
    lambda folder: spoil(folder / "model.json", network={"model": "MLP", "sizes": [3, 2], "batch_norm": True}),
    lambda folder: spoil(folder / "model.json", kind="pickle"),
    lambda folder: spoil(folder / "model.json", preparation={"numbers": {}})])
def test_a_damaged_model_is_refused(built, tmp_path, damage):
    checklist.save(tmp_path, built[2], built[5].best)
    damage(tmp_path)
    with pytest.raises(SettingError, match="cannot be used"):
        checklist.load(tmp_path)


def test_pictures_go_through_the_same_steps(tmp_path):
    processed = checklist.process(checklist.intake("digits", tmp_path), limit=300)
    trained = checklist.train(processed, checklist.choose(processed, 8), steps=30)
    saved = checklist.load(checklist.save(tmp_path, processed, trained))
    inputs = processed.dataset.test.inputs
    assert torch.equal(predict(saved.model, inputs), predict(trained.run.model, inputs))
    assert saved.answer(processed.example("test", 0))["class"] in processed.dataset.class_names
    assert saved.answer(faults.picture(9, (30, 20)))["class"] in processed.dataset.class_names
    for wrong in (b"no picture", np.zeros((1, 8, 9), dtype="uint8"), np.zeros((1, 8, 8))):
        with pytest.raises(SettingError, match="picture"):
            saved.answer(wrong)


def test_tables_of_text_line_up_in_chinese_too():
    assert report.table([["数据", 1], ["name", 22]]) == "数据  1\nname  22"
    assert report.listed(range(9), 2) == "0, 1 and 7 more"
