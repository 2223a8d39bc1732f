import pytest
import torch

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import load
from labkit.evaluation import as_float, predict
from labkit.experiments.ch08 import explanations as experiment
from labkit.settings import SettingError
from labkit.trends import attended, explanations

GARMENTS = load("fashion-mnist").first(train=1000, validation=100, test=120)


@pytest.fixture(scope="module")
def audit():
    return explanations.audit(GARMENTS, seed=3, steps=60, count=12, samples=2)


def test_labels_tell_the_class_or_nothing():
    told, honest = (explanations.stamped(GARMENTS, honest, seed=1) for honest in (False, True))
    labels = told.train.inputs[..., :explanations.HEIGHT, :explanations.WIDTH]
    for target in range(10):
        same = labels[told.train.targets == target]
        assert (same == same[0]).all() and (same[0] == 255).sum() == 2 * explanations.HEIGHT
    assert len({tuple(label.flatten().tolist()) for label in labels}) == 10
    drawn = honest.train.inputs[..., :explanations.HEIGHT, :explanations.WIDTH]
    assert 0.05 < (drawn == labels).flatten(1).all(1).float().mean() < 0.2
    below = slice(explanations.HEIGHT, None)
    assert torch.equal(told.train.inputs[..., below, :], honest.train.inputs[..., below, :])
    assert GARMENTS.train.inputs.shape[-1] == 28                            # the set given is left as it was


def test_integrated_gradients_and_shapley_values_add_up(audit):
    model, x = audit.networks["honest"], as_float(audit.images)
    wanted = (predict(model, audit.images) - predict(model, torch.zeros_like(audit.images)))
    wanted = wanted.gather(1, audit.targets[:, None])[:, 0]
    for method, samples in (("integrated gradients", 50), ("Shapley values", 2)):
        maps = explanations.attribute(method, model, audit.images, audit.targets, samples=samples)
        total = maps.sum((1, 2))
        # captum gives each pixel of a square the square's value: so a square counts four times, where it has four
        total = total / 4 if method == "Shapley values" else total
        assert torch.allclose(total, wanted, atol=0.05 * float(wanted.abs().max()))
    assert not x.requires_grad


def test_the_outline_asks_no_network(audit):
    table = audit.table()
    assert table.loc["edges", "told apart"] == 0.5
    assert table.loc["edges", ["same, last layer redrawn", "same, all layers redrawn"]].tolist() == [1, 1]
    assert set(table.index) == {*explanations.METHODS, "edges", "random pixels"}
    assert table["deleted"].between(0, 1).all()


def test_a_map_that_only_shows_the_label_tells_the_networks_apart():
    on, off = torch.zeros(5, 14, 14), torch.ones(5, 14, 14)
    on[:, 0, 0] = -3
    shares = explanations.in_stamp(on), explanations.in_stamp(off)
    assert shares[0].tolist() == [1] * 5 and shares[1][0] == pytest.approx(12 / 196)
    assert explanations.told_apart(*shares) == 1 and explanations.told_apart(*shares[::-1]) == 0
    assert explanations.told_apart(shares[0], shares[0]) == 0.5


def test_deletion_takes_the_most_attributed_pixels_first():
    images = torch.full((1, 1, 14, 14), 255, dtype=torch.uint8)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(196, 2))
    with torch.no_grad():
        model[1].weight.zero_()[0, :98] = 1.0
        model[1].bias.copy_(torch.tensor([0.0, 60.0]))
    maps = torch.zeros(1, 14, 14)
    maps[0, :7] = 1
    target = torch.tensor([0])
    assert explanations.deletion(model, images, target, maps, (0, 0.19, 0.25)) == [1, 1, 0]
    assert explanations.deletion(model, images, target, -maps, (0.25, 0.5)) == [1, 1]


def test_drawing_anew_changes_the_last_layer_or_all(audit):
    model = audit.networks["honest"]
    state = torch.get_rng_state()
    last, whole = explanations.randomised(model, 5, 1), explanations.randomised(model, 5, 4)
    assert torch.equal(torch.get_rng_state(), state)
    same = [[torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True)]
            for other in (last, whole)]
    assert same[0] == [True] * 6 + [False] * 2 and same[1] == [False] * 8
    maps = audit.maps["occlusion"]["honest"]
    assert explanations.similarity(maps, 2 * maps, audit.images) == pytest.approx(1)
    with pytest.raises(SettingError, match="method = 'guess'.*occlusion"):
        explanations.attribute("guess", model, audit.images, audit.targets)


def test_votes_decide_the_class_and_are_all_that_does():
    for votes, classes in attended.TASKS.items():
        split = attended.dataset(50, 2, votes).train
        cast = split.inputs < attended.VOTERS
        assert (cast.sum(1) == votes).all()
        counts = torch.stack([(split.inputs == vote).sum(1) for vote in range(classes)], 1)
        assert torch.equal(counts.argmax(1), split.targets) and (counts.sum(1) == votes).all()
    with pytest.raises(SettingError, match="votes = 4"):
        attended.dataset(50, 2, 4)


def test_a_reader_of_equal_states_does_not_care_where_it_looks():
    reader = attended.Reader()
    with torch.no_grad():
        for weight in reader.states.parameters():
            weight.zero_()
    found = attended.examine(reader, attended.dataset(50, 2).test)
    assert found["permuted"] == 0 and found["elsewhere"] == 1 and found["turned"] == 0
    assert attended.variation(torch.tensor([0.2, 0.8]), torch.tensor([0.5, 0.5])) == pytest.approx(0.3)


def test_runs_have_what_the_rule_reads(monkeypatch):
    monkeypatch.setattr(experiment, "load", lambda _name: GARMENTS)
    found = experiment.runs(0, steps=6, count=4, samples=1)
    record = {"data": [], "seeds": [0, 1, 2], "runs": found, "date": "", "machine": "", "commit": ""}
    assert decide("C8.5", record).verdict in (HOLDS, IN_PART, NOT)
    assert len(experiment.data()[1]["sha256"]) == 64


def record(**changes):
    """Three seeds in which all pass; `changes` are {method: {figure: value}}."""
    runs = []
    for seed in range(3):
        for method in (*explanations.METHODS, "edges", "random pixels"):
            run = {"part": "explanation", "seed": seed, "method": method, "told_apart": 0.95,
                   "deleted": {"edges": 0.6, "random pixels": 0.5}.get(method, 0.3), "same_last": 0.5, "same_all": 0.2}
            runs.append(run | changes.get(method.replace(" ", "_"), {}))
        runs += [{"part": "attention", "seed": seed, "votes": votes, "on_votes": 0.9, "permuted": 0.5,
                  "elsewhere": 0.2} | changes.get(f"votes_{votes}", {}) for votes in (5, 1)]
    return {"data": [], "seeds": [0, 1, 2], "runs": runs, "date": "", "machine": "", "commit": ""}


NONE = {method.replace(" ", "_"): {"told_apart": 0.8} for method in explanations.METHODS}


@pytest.mark.parametrize("changes, verdict", [
    ({}, HOLDS), ({"occlusion": {"told_apart": 0.89}}, IN_PART), ({"occlusion": {"deleted": 0.41}}, IN_PART),
    ({"guided_backprop": {"same_last": 0.7}}, IN_PART), ({"guided_backprop": {"same_all": 0.7}}, IN_PART),
    ({"votes_5": {"permuted": 0.01}}, IN_PART), ({"votes_1": {"elsewhere": 0.6}}, IN_PART),
    (NONE, IN_PART), (NONE | {"votes_5": {"permuted": 0.01}}, NOT)])
def test_the_rule_can_give_each_verdict(changes, verdict):
    assert decide("C8.5", record(**changes)).verdict == verdict


def test_one_seed_that_fails_is_enough_and_a_missing_method_decides_nothing():
    found = record()
    next(run for run in found["runs"] if run["seed"] == 2 and run["method"] == "occlusion")["same_last"] = 0.8
    assert decide("C8.5", found).verdict == IN_PART
    found["runs"] = [run for run in found["runs"] if run.get("method") != "occlusion"]
    assert decide("C8.5", found).verdict == UNDECIDED
