import gzip
import logging

import pytest
import torch

from labkit import figures  # noqa: F401 - the figure's package loads as a notebook loads it
from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide
from labkit.data import load
from labkit.evaluation import predict
from labkit.experiments.ch08 import compression as experiment
from labkit.figures.tradeoff import front, tradeoff
from labkit.models.vision import SmallCNN, parameter_count
from labkit.settings import SettingError
from labkit.trends import compression, distillation, pruning, quantisation

FORMS = ("unstructured", "channels", "static int8", "distilled", "together")
IMAGES = compression.images(load("fashion-mnist")).first(256, 64, 64)


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallCNN(8, 1).to(memory_format=torch.channels_last)      # as training leaves it


@pytest.fixture(scope="module")
def stored(model):
    return quantisation.export(model, (1, 32, 32))


def test_single_weights_go_by_size_over_the_whole_network(model):
    before = torch.cat([getattr(model, name).weight.detach().flatten() for name in pruning.LAYERS])
    after = pruning.settle(pruning.weights(model, 0.7))
    values = torch.cat([getattr(after, name).weight.detach().flatten() for name in pruning.LAYERS])
    assert (values == 0).double().mean() == pytest.approx(0.7, abs=1e-3)
    assert before[values == 0].abs().max() <= before[values != 0].abs().min()
    assert torch.equal(values[values != 0], before[values != 0])
    assert pruning.zeros(after) == pytest.approx(0.7 * len(values) / parameter_count(model), abs=1e-3)
    assert pruning.zeros(model) == 0                                     # the model itself is left alone


def test_pruned_weights_stay_at_zero_in_training():
    pruned = pruning.weights(SmallCNN(8, 1), 0.5)
    gone = [~getattr(pruned, name).weight_mask.bool() for name in pruning.LAYERS]
    trained = pruning.settle(compression.taught(pruned, IMAGES, 3, 1e-2, 0))
    assert not [name for name, _value in trained.named_parameters() if name.endswith("_orig")]
    for name, mask in zip(pruning.LAYERS, gone, strict=True):
        assert (getattr(trained, name).weight[mask] == 0).all()
        assert (getattr(trained, name).weight[~mask] != 0).all()


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 0.9, 0.99])
def test_a_network_without_the_channels_computes_what_the_masked_one_does(model, share):
    small, masked = pruning.channels(model, share), pruning.settle(pruning.masked(model, share))
    width = max(1, round(8 * (1 - share)))
    assert small.conv1.out_channels == width == pruning.width_left(model, share)
    assert parameter_count(small) == parameter_count(SmallCNN(width, 1))
    assert masked.conv1.weight.shape == model.conv1.weight.shape
    assert torch.allclose(predict(small, IMAGES.test.inputs), predict(masked, IMAGES.test.inputs), atol=1e-5)
    norms = model.conv2.weight.detach().square().sum((1, 2, 3))
    kept = masked.conv2.weight.detach().abs().amax((1, 2, 3)) > 0
    assert norms[kept].min() >= norms.sort(descending=True).values[2 * width - 1]


@pytest.mark.parametrize("share", [1, -0.1, "half", True, None])
def test_a_share_that_cannot_be_pruned_is_refused(model, share):
    for prune in (pruning.weights, pruning.masked, pruning.channels):
        with pytest.raises(SettingError, match="share = .*at least 0 and below 1"):
            prune(model, share)
    with pytest.raises(SettingError, match="kind = 'rows'.*single weights, channels"):
        compression.pruned(model, "rows", 0.5)


def test_the_runtime_answers_as_torch_does_for_any_number_of_images(model, stored):
    for images in (IMAGES.test.inputs[:1], IMAGES.train.inputs[:230]):
        assert torch.allclose(quantisation.logits(stored, images), predict(model, images), atol=1e-4)
    options = quantisation.session(stored).get_session_options()
    assert options.intra_op_num_threads == 1


def test_eight_bits_are_close_smaller_and_quiet(model, stored, capfd, caplog):
    caplog.set_level(logging.WARNING)
    small = {"static": quantisation.static(stored, IMAGES.train.inputs), "dynamic": quantisation.dynamic(stored)}
    expected = quantisation.logits(stored, IMAGES.test.inputs)
    for file in small.values():
        got = quantisation.logits(file, IMAGES.test.inputs)
        assert 0 < (got - expected).abs().max() < 0.15 * expected.std()
        assert len(file) < 0.7 * len(stored)
    assert capfd.readouterr() == ("", "") and not caplog.records
    logging.getLogger().warning("another")
    assert len(caplog.records) == 1                                      # only that advice is kept back


def test_zeros_save_bytes_only_where_the_file_is_packed(model, stored):
    pruned = quantisation.export(pruning.settle(pruning.weights(model, 0.8)), (1, 32, 32))
    assert len(pruned) == len(stored)
    assert len(gzip.compress(pruned)) < 0.5 * len(gzip.compress(stored))


def test_a_lesson_has_the_teachers_softened_probabilities_and_no_label(model):
    lesson = distillation.lesson(model, IMAGES)
    assert torch.allclose(lesson.train.targets, (predict(model, IMAGES.train.inputs) / 3).softmax(1), atol=1e-6)
    assert lesson.test.targets.shape == (64, 10)
    student = distillation.Softened(lambda: SmallCNN(8, 1))
    before = (predict(student, IMAGES.train.inputs) - lesson.train.targets).square().mean()
    taught = compression.taught(student, lesson, 20, 1e-2, 0)
    after = (predict(taught.student, IMAGES.train.inputs) / 3).softmax(1) - lesson.train.targets
    assert after.square().mean() < 0.5 * before


def test_soften_brings_probabilities_closer():
    logits = torch.tensor([[2.0, 0.0]])
    assert torch.allclose(distillation.soften(logits, 1), logits.softmax(1))
    assert distillation.soften(logits, 2)[0, 0] == pytest.approx(1 / (1 + torch.e ** -1), rel=1e-5)


def test_runs_have_what_the_rule_reads_and_repeat_themselves():
    state = torch.get_rng_state()
    found, again = (experiment.runs(0, steps=2, rounds=3, first=64) for _time in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert [run["accuracy"] for run in found] == [run["accuracy"] for run in again]
    by_name = {run["network"]: run for run in found}
    assert list(by_name) == ["eager", "float", "unstructured", "channels", "labels", "distilled", "together",
                             "dynamic int8", "static int8"]
    assert set(by_name) == set(compression.names())
    assert by_name["float"]["bytes"] == by_name["unstructured"]["bytes"] > 2 * by_name["channels"]["bytes"]
    assert by_name["together"]["bytes"] == min(run["bytes"] for run in found)
    assert by_name["labels"]["parameters"] == pytest.approx(by_name["float"]["parameters"] / 4, rel=0.1)
    assert by_name["eager"]["accuracy"] == pytest.approx(by_name["float"]["accuracy"], abs=0.02)
    assert all(run["milliseconds_256"] > run["milliseconds_1"] > 0 for run in found)
    assert decide("C8.1", {**record(), "runs": found}).verdict in (NOT, IN_PART, UNDECIDED)
    frame = compression.table(found)
    assert frame.loc["uncompressed", "kB"] == pytest.approx(by_name["float"]["bytes"] / 1000, abs=0.06)


def test_points_leave_the_eager_row_out_and_count_kilobytes():
    rows = [run for run in record()["runs"] if run["part"] == "compression"]
    assert compression.recorded(record()) == rows and compression.recorded(None) == []
    points = compression.points([{**rows[0], "network": "eager"}, *rows], "gzip")
    assert points["uncompressed"] == ([100.0] * 3, [0.9, 0.9, 0.9]) and "uncompressed, in PyTorch" not in points


def test_the_front_is_what_nothing_beats():
    means = {"a": (1, 0.5), "b": (2, 0.7), "dear": (3, 0.7), "c": (4, 0.9), "bad": (4, 0.2), "equal": (2, 0.7)}
    assert front(means) == ["a", "b", "c"]
    figure = tradeoff({name: ([x], [y]) for name, (x, y) in means.items()}, x="kB", y="accuracy")
    assert list(figure.data[0].x) == [1, 2, 4] and len(figure.data) == 7
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data[1:]}
    assert len(looks) == 6
    spread = tradeoff({"a": ([1, 3], [0.5, 0.7])}).data[1]
    assert (spread.x[0], spread.error_x.array[0], spread.error_y.arrayminus[0]) == (2, 1, pytest.approx(0.1))
    with pytest.raises(SettingError, match="as many values of x as of y"):
        tradeoff({"a": ([1], [])})


def record(**changed):
    """Every network at 0.9, 40 % of the bytes and half of the time, in three seeds; `changed` says what differs."""
    networks = ("float", "unstructured", "channels", "dynamic int8", "static int8", "labels", "distilled", "together")
    runs = []
    for network in networks:
        for seed in range(3):
            whole = network == "float"
            run = {"part": "compression", "seed": seed, "network": network, "gzip": 100_000 if whole else 40_000,
                   "accuracy": 0.89 if network == "labels" else 0.9, "milliseconds_1": 1.0 if whole else 0.5,
                   "milliseconds_256": 100.0 if whole else 50.0}
            runs.append(run | changed.get(network.replace(" ", "_"), {}))
    return {"data": [], "seeds": [0, 1, 2], "runs": [{"part": "other"}, *runs], "date": "", "machine": "", "commit": ""}


SLOW = {"milliseconds_1": 0.85, "milliseconds_256": 85.0}


@pytest.mark.parametrize("changed, verdict", [
    ({}, HOLDS), ({"unstructured": SLOW}, IN_PART), ({"unstructured": {"milliseconds_1": 0.85}}, HOLDS),
    ({"static_int8": {"accuracy": 0.88}}, IN_PART), ({"channels": {"gzip": 51_000}}, IN_PART),
    ({"dynamic_int8": SLOW}, HOLDS),                                     # decides nothing
    ({"distilled": {"accuracy": 0.893}}, IN_PART),                       # gains a third of a point
    ({name.replace(" ", "_"): SLOW for name in FORMS}, NOT),
    ({name.replace(" ", "_"): {"accuracy": 0.8} for name in FORMS}, NOT)])
def test_the_rule_can_give_each_verdict(changed, verdict):
    assert decide("C8.1", record(**changed)).verdict == verdict


def test_time_is_saved_only_if_it_is_in_every_seed():
    found = record(**{name.replace(" ", "_"): SLOW for name in FORMS if name != "channels"})
    assert decide("C8.1", found).verdict == IN_PART
    for run in found["runs"]:
        if (run.get("network"), run.get("seed")) == ("channels", 1):
            run |= SLOW
    judgement = decide("C8.1", found)
    assert judgement.verdict == NOT
    assert "no time saved" in next(line for line in judgement.findings if line.startswith("channels"))


def test_a_network_that_was_not_recorded_leaves_it_undecided():
    found = record()
    found["runs"] = [run for run in found["runs"] if run.get("network") != "together"]
    judgement = decide("C8.1", found)
    assert judgement.verdict == UNDECIDED and "all three" in judgement.findings[0]
