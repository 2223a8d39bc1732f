"""The bench works: contestants train, busy cores are busy, verdicts follow their rule, the page renders."""
import itertools
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import kernel, loops, parts, sequences
from benchmarks.report import Part, Row, markdown
from benchmarks.timing import Done, Pace, Speed, alternate, pace, ratios, speed
from labkit.models import DocumentCNN

DATA = loops.random_images(48)
IN_THIS_PROCESS = sorted(loops.CONTESTANTS.keys() - {"floor, memory kept"})


@pytest.mark.parametrize("name", IN_THIS_PROCESS)
def test_each_contestant_trains(name):
    steps = list(itertools.islice(loops.CONTESTANTS[name](DATA, 32), 3))
    assert all(math.isfinite(float(step.loss)) and step.threads >= 1 for step in steps)
    fixed = name == "floor"
    assert [step.images for step in steps] == ([32, 32, 32] if fixed else [32, 16, 32])
    assert (float(steps[0].loss) == float(steps[2].loss)) == fixed      # only the floor leaves its weights alone


def test_the_tutorials_network_is_the_documents():
    theirs, ours = loops.tutorial_network(), DocumentCNN()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(theirs(images), ours(images))


@pytest.mark.parametrize("loop", sequences.LOOPS)
@pytest.mark.parametrize("causal", sequences.MODELS.values())
def test_each_contestant_on_sequences_trains(causal, loop):
    data = sequences.random_tokens(causal, 96)
    steps = list(itertools.islice(sequences.LOOPS[loop](data, causal), 3))
    assert [step.images for step in steps] == ([64, 64, 64] if loop == "floor" else [64, 32, 64])
    assert all(math.isfinite(float(step.loss)) and step.threads >= 1 for step in steps)
    assert len({float(step.loss) for step in steps}) == (1 if loop == "floor" else 3)


@pytest.mark.parametrize("causal", sequences.MODELS.values())
def test_the_tutorials_transformer_is_ours(causal):
    theirs, ours = sequences.TorchTransformer(causal), sequences.own_network(causal)
    names = {"blocks.": "encoder.layers.", "attention.qkv.": "self_attn.in_proj_",
             "attention.project.": "self_attn.out_proj."}
    weights = theirs.state_dict()
    for name in ours.state_dict():
        pair = name.replace("norm.", "encoder.norm.") if name.startswith("norm.") else name
        for old, new in names.items():
            pair = pair.replace(old, new)
        ours.get_parameter(name).data.copy_(weights.pop(pair))
    assert not weights
    tokens = sequences.random_tokens(causal, 96).train.inputs[:4]
    torch.testing.assert_close(theirs(tokens), ours(tokens), rtol=0, atol=1e-5)


def test_the_part_on_sequences_has_a_goal_for_each_model(monkeypatch):
    with ThreadPoolExecutor(1) as here:
        monkeypatch.setattr(parts, "_process", lambda name: here)
        part, raw = parts.sequence(parts.QUICK)
    assert [row.goal for row in part.rows] == [None, None, None, 0.93, 1.15] * 2
    assert [row.unit for row in part.rows] == ["tokens/s", "tokens/s", "tokens/s", "×", "×"] * 2
    decoder = raw["decoder"]
    assert part.rows[0].values == [64 * decoder["Run"][0].images_per_second]
    assert part.rows[4].values == [decoder["Run"][0].images_per_second
                                   / decoder["torch's layers"][0].images_per_second]


@pytest.mark.parametrize("native", [True, False])
def test_half_precision_is_measured_only_where_the_processor_has_it(monkeypatch, native):
    monkeypatch.setattr(parts, "has_bf16", lambda device: native)
    monkeypatch.setattr(parts, "measure", lambda name, *size: Speed(8.0 if "bf16" in name else 4.0, 1))
    part, raw = parts.training(parts.QUICK)
    added = [row.median for row in part.rows if row.name.startswith("Run, bf16 / Run")]
    assert added == ([2.0, 2.0] if native else []) and ("Run, bf16" in raw[32]) == native
    assert ("has no bf16" in part.note) != native


KEEPING = """
import itertools, json, resource, sys
from benchmarks import loops
from labkit.memory import keep_memory

batch_size = int(sys.argv[1])

def faults_and_loss():
    loop = loops.floor(loops.random_images(batch_size), batch_size)
    losses = [float(step.loss) for step in itertools.islice(loop, 6)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    next(loop), next(loop)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, losses[-1]

import torch
torch.set_num_threads(1)
torch.manual_seed(0); usual = faults_and_loss()
can = keep_memory()
torch.manual_seed(0); print(json.dumps([can, usual, faults_and_loss()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is what is set")
@pytest.mark.parametrize("batch_size", [64, 512])       # of 512 images one layer's output takes 59 MB
def test_kept_memory_saves_page_faults_and_changes_no_number(batch_size):
    printed = subprocess.run([sys.executable, "-c", KEEPING, str(batch_size)], cwd=kernel.ROOT, check=True,
                             capture_output=True, text=True).stdout
    can, (faults, loss), (fewer, same) = json.loads(printed)
    if not can:
        pytest.skip("this system's C library has no mallopt")
    assert fewer < max(faults / 4, 100) and same == loss    # two steps


def test_contestants_alternate():
    order = []
    results = alternate({name: lambda name=name: order.append(name) or len(order) for name in "AB"}, rounds=2)
    assert order == ["A", "B", "A", "B"] and results == {"A": [1, 3], "B": [2, 4]}
    assert ratios(results["B"], results["A"]) == [2, 4 / 3]


def test_warm_up_does_not_count():
    def loop():
        time.sleep(0.2)
        while True:
            yield Done(10, 0.0, 1)
            time.sleep(0.01)
    assert 50 < speed(loop(), images=100, warm_up=1).images_per_second <= 1000      # a busy machine sleeps longer
    assert speed(loop(), images=10**9, warm_up=1, most_seconds=0.05).images_per_second <= 1000


def test_a_busy_core_is_busy_and_then_free_again():
    others = set(psutil.Process().children())       # what an earlier test has left: a fork server, a tracker
    with parts.busy_core():
        child, = set(psutil.Process().children()) - others
        before = child.cpu_times().user
        time.sleep(0.5)
        assert child.cpu_times().user > before
    assert not child.is_running()


@pytest.mark.parametrize("value, goal, unit, less_is_better, verdict", [
    (0.95, 0.90, "×", False, "met"), (0.85, 0.90, "×", False, "tie"), (0.79, 0.90, "×", False, "not met"),
    (1.04, 1.05, "×", True, "met"), (1.10, 1.05, "×", True, "tie"), (1.20, 1.05, "×", True, "not met"),
    (0.14, 0.15, "s", True, "met"), (0.16, 0.15, "s", True, "not met"),
    (1.09, None, "×", False, "tie"), (0.92, None, "×", True, "tie"), (1.2, None, "×", False, "ahead"),
    (1.2, None, "×", True, "behind"), (4000, None, "images/s", False, ""),
])
def test_differences_under_a_tenth_are_ties(value, goal, unit, less_is_better, verdict):
    assert Row("", [value - 5, value, value + 5], unit, "", goal, less_is_better).verdict == verdict


def test_the_page_shows_medians_spread_goals_and_where_it_was_measured():
    page = markdown([Part("Loops", "How.", [
        Row("Run", [3900.0, 4100.0, 4000.0], "images/s", "labkit | Run"),
        Row("Run / floor", [0.91, 0.99, 0.95], "×", "a ratio", 0.90)])], {"command": "python -m benchmarks"})
    assert r"| Run | 4,000 images/s | 3,900–4,100 |  |  | labkit \| Run |" in page
    assert "| Run / floor | 0.95 × | 0.91–0.99 | at least 0.90 × | met | a ratio |" in page
    assert "Goals: 1 met, 0 tie, 0 not met." in page and "| command | python -m benchmarks |" in page


def test_an_unknown_part_is_refused_before_anything_runs(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["trainin"])
    assert ended.value.code == 2
    assert "Allowed: training, lab, busy, augmentation, sequence, imports, growth, course." in capsys.readouterr().err


def test_the_page_says_how_fast_the_machine_was_between_its_parts(monkeypatch, tmp_path, capsys):
    paces = iter([Pace(200, 10), Pace(100, 5), Pace(210, 11)])
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "pace", lambda seconds: next(paces))
    nothing = Part("P", "", []), {}
    monkeypatch.setattr(command, "PARTS", {"imports": lambda size: nothing, "growth": lambda size: nothing})
    assert command.main(["--quick"]) == 0
    page = capsys.readouterr().out
    assert "| products | 200 GFLOP/s | 100–210 |" in page and "| copies | 10.0 GB/s | 5.0–11.0 |" in page
    assert "200 before imports, 100 before growth, 210 at the end" in page


def test_the_pace_of_a_machine_is_that_of_its_products_and_copies(monkeypatch):
    calls = []
    monkeypatch.setattr(torch, "mm", lambda a, b, out: calls.append(time.sleep(0.01)))
    found = pace(0.1)
    assert 2 <= len(calls) <= 12 and 20 < found.products < 215     # 2.1 GFLOP in 10 ms or, on a busy machine, more
    assert 0.01 < found.copies < 10_000


def test_a_lab_and_a_preview_are_measured_in_a_kernel():
    raw = kernel.measure({"SmallCNN": 3}, rounds=1, sheets=2)
    assert set(raw["lab"]["SmallCNN"]) >= {"fit", "lab", "drain"}
    assert raw["lab"]["SmallCNN"]["packets a second"][0] > 0
    assert len(raw["sheet"]) == 2 and min(raw["sheet"]) > 0
