import pytest
import torch

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.experiments.ch10 import attention_paper
from labkit.loss import IGNORED
from labkit.papers import copying
from labkit.settings import SettingError


def test_the_answer_is_the_row_and_the_row_backwards():
    part = copying.dataset(4, 8, 4).train
    for row, target in zip(part.inputs, part.targets, strict=True):
        text, answer = copying.written(row), copying.written(target)
        symbols = text[:4]
        assert text == symbols + "|" + symbols + symbols[:0:-1]
        assert answer == "····" + symbols + symbols[::-1]
    assert (part.targets[:, :4] == IGNORED).all()


def test_choosing_needs_both_places():
    found = copying.answers(torch.tensor([[1, 15, 2, 12]]), "choose")
    assert found.tolist() == [[1, 2, 2, 1]]         # 1 itself; 15 gives way to 2; 2 itself; 12 gives way to 1
    with pytest.raises(SettingError, match="task = 'sort'"):
        copying.answers(torch.tensor([[1, 2]]), "sort")
    with pytest.raises(SettingError, match="length = 1"):
        copying.dataset(1, 8)


def test_the_three_networks_have_equal_parameters():
    counts = {kind: copying.parameters(copying.model(kind, 24)) for kind in copying.MODELS}
    most = counts["attention"]
    assert all(0.96 * most < count <= most for count in counts.values())
    assert copying.parameters(copying.attention(24, positions="learned")) == most + 24 * copying.WIDTH
    assert copying.parameters(copying.attention(24, heads=4)) == most


@pytest.mark.parametrize("kind", copying.MODELS)
def test_no_network_looks_ahead(kind):
    network, rows = copying.model(kind, 12), copying.dataset(4, 4, 4).train.inputs
    changed = rows.clone()
    changed[:, 7] = (changed[:, 7] + 1) % copying.SYMBOLS
    one, other = network(rows), network(changed)
    assert torch.allclose(one[:, :7], other[:, :7], atol=1e-5) and not torch.allclose(one[:, 7:], other[:, 7:])


def test_scores_count_the_answer_alone():
    part = copying.dataset(3, 8, 20).test

    class Oracle(torch.nn.Module):
        def __init__(self, wrong):
            super().__init__()
            self.weight, self.wrong = torch.nn.Parameter(torch.zeros(1)), wrong

        def forward(self, tokens):
            known = {tuple(row.tolist()): target for row, target in zip(part.inputs, part.targets, strict=True)}
            named = torch.stack([known[tuple(row.tolist())] for row in tokens]).clamp(min=0)
            if self.wrong:
                named[::2, -1] = (named[::2, -1] + 1) % copying.SYMBOLS
            return torch.nn.functional.one_hot(named, copying.SYMBOLS + 1).float()
    assert copying.scores(Oracle(False), part) == (1.0, 1.0)
    accuracy, exact = copying.scores(Oracle(True), part)
    assert accuracy == pytest.approx(1 - 0.5 / 6) and exact == 0.5


def test_sines_tell_places_apart_and_fix_them():
    table = copying.sines(96, copying.WIDTH)
    assert torch.cdist(table, table).add(9 * torch.eye(96)).min() > 0.3
    network = copying.attention(12)
    assert not network.positions.weight.requires_grad and network.positions.weight.norm(dim=1).std() < 1e-5
    assert copying.attention(12, positions="none").positions.weight.abs().max() == 0


def test_attention_learns_short_rows_and_recurrence_lags_with_the_same_steps():
    found, networks = copying.compare(4, 70, kinds=("attention", "recurrence"), test=200, threads=1)
    assert found["attention"]["accuracy"] > 0.9 > found["recurrence"]["accuracy"] + 0.2
    assert found["attention"]["milliseconds"] > 0 and set(networks) == set(found)


def test_where_a_trained_network_looks():
    data = copying.dataset(4, 80 * copying.BATCH, 20)
    run = copying.training(lambda: copying.attention(12), data, 80, 1e-2, threads=1)
    for _step in run:
        pass
    seen = copying.gaze(run.model, data.test.inputs[0])
    assert seen.shape == (1, 8, 4) and seen[0].argmax(1).tolist() == [0, 1, 2, 3, 3, 2, 1, 0]
    before = run.model.positions.weight.clone()
    assert copying.longer_rows(run.model, 6)[1] < 0.5       # what it learned of rows of 4 does not carry over
    assert torch.equal(before, run.model.positions.weight)


def test_the_longest_path():
    assert copying.longest_path("attention", 32) == 1 and copying.longest_path("recurrence", 32) == 95


def test_runs_have_what_the_rule_reads():
    found = attention_paper.runs(0, steps=2, lengths=(2, 3))
    assert {run["part"] for run in found} == {"attention", "attention-positions", "attention-heads", "attention-longer"}
    assert sorted((run["model"], run["length"]) for run in found if run["part"] == "attention") == sorted(
        (kind, length) for kind in copying.MODELS for length in (2, 3))
    again = copying.variant(copying.TASKS[0], 2, 2, threads=1)      # is not trained twice
    assert all({name: run[name] for name in again} == again for run in found
               if run.get("positions") == "sines" or (run.get("task"), run.get("heads")) == (copying.TASKS[0], 1))
    assert len(attention_paper.data()[0]["sha256"]) == 64


def record(attention=(1.0, 1.0, 0.5, 0.9), bert=(0.65, 0.55, 0.2, 0.2), gan=(8, 0.7), without=()):
    """Tokens and whole answers of attention, tokens of recurrence, whole answers with both; F1 of the four; clusters
    and quality with the remedy."""
    accuracy, exact, recurrence, both = attention
    runs = []
    for seed in range(3):
        shift = 0.002 * seed
        for length in (8, 16, 32):
            runs += [{"part": "attention", "seed": seed, "length": length, "model": kind, "accuracy": a - shift,
                      "exact": e - shift} for kind, a, e in (
                          ("attention", accuracy, exact), ("recurrence", recurrence, 0.0),
                          ("recurrence with attention", 0.9, both))]
        runs += [{"part": "bert", "task": "words", "seed": seed, "model": kind, "score": score + shift}
                 for kind, score in zip(("both sides", "left to right", "left to right, freed", "no pre-training"),
                                        bert, strict=True)]
        runs.append({"part": "gan", "seed": seed, "modes": 1, "quality": 0.2, "modes_mended": gan[0],
                     "quality_mended": gan[1] + shift})
    return {"data": [], "seeds": [0, 1, 2], "date": "", "machine": "", "commit": "",
            "runs": [run for run in runs if run["part"] not in without]}


@pytest.mark.parametrize("change, verdict", [
    ({}, HOLDS), ({"gan": (6, 0.9)}, IN_PART), ({"gan": (8, 0.4)}, IN_PART),
    ({"bert": (0.65, 0.62, 0.2, 0.2)}, IN_PART), ({"bert": (0.65, 0.3, 0.62, 0.2)}, IN_PART),   # freed was better
    ({"bert": (0.65, 0.5, 0.2, 0.63)}, IN_PART),                                # pre-training added too little
    ({"attention": (1.0, 0.8, 0.5, 0.8)}, IN_PART), ({"attention": (1.0, 0.95, 0.95, 0.9)}, IN_PART),
    ({"attention": (1.0, 0.95, 0.5, 0.97)}, IN_PART),                           # it took recurrence besides
    ({"attention": (0.5, 0.1, 0.6, 0.2), "bert": (0.5, 0.6, 0.2, 0.2), "gan": (2, 0.9)}, NOT),
    ({"without": ("bert",)}, UNDECIDED), ({"without": ("attention", "gan")}, UNDECIDED)])
def test_the_rule_can_give_each_verdict(change, verdict):
    assert decide("C10.1", record(**change)).verdict == verdict


def test_one_seed_that_disagrees_is_enough_and_the_game_in_step_counts():
    found = record()
    next(run for run in found["runs"] if run["part"] == "attention" and run["model"] == "recurrence")["accuracy"] = 1.01
    assert decide("C10.1", found).verdict == IN_PART
    found = record(gan=(2, 0.9))
    for run in found["runs"]:
        if run["part"] == "gan":
            run |= {"modes_in_step": 8, "quality_in_step": 0.6}
    judgement = decide("C10.1", found)
    assert judgement.verdict == HOLDS and any("one step each" in line for line in judgement.findings)


def test_recorded_means_by_length():
    assert copying.recorded(None) == ([], {})
    lengths, means = copying.recorded(record())
    assert lengths == [8, 16, 32] and means["attention"] == pytest.approx([0.998] * 3)
    assert means["recurrence"] == pytest.approx([0.498] * 3)
