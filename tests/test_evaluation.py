"""Predictions, scores and tables, against scikit-learn, SciPy and sums done by hand."""
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from torch import nn
from toy import ToyNet, toy_dataset

from labkit import evaluation
from labkit.data.dataset import Split
from labkit.models import DocumentCNN, parameter_count
from labkit.settings import SettingError
from labkit.summary import layer_table

LOGITS = torch.tensor([[4.0, 0, 0], [0, 4, 0], [3, 0, 0], [0, 0, 1], [0, 9, 0]])
TARGETS = torch.tensor([0, 1, 1, 2, 2])


def test_uint8_images_become_floats_and_other_inputs_stay_as_they_are():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert evaluation.as_float(images).tolist() == pytest.approx([0, 0.2, 1])
    assert evaluation.as_float(images).dtype == torch.float32
    tokens = torch.tensor([3, 4])
    assert evaluation.as_float(tokens) is tokens


def test_mirrored_is_the_mean_of_both_views():
    model, data = ToyNet().eval(), toy_dataset()
    images = data.train.inputs.float() / 255
    found = evaluation.predict(model, data.train.inputs, batch_size=7, mirrored=True)
    torch.testing.assert_close(found, ((model(images) + model(images.flip(-1))) / 2).detach())
    assert evaluation.evaluate(model, data.train, mirrored=True).loss == pytest.approx(
        F.cross_entropy(found, data.train.targets).item())
    with pytest.raises(SettingError, match="mirrored = True cannot be used. Allowed: False, or images"):
        evaluation.predict(model, images[0, 0], mirrored=True)


def test_predict_gives_the_same_in_batches_as_at_once_without_dropout():
    model, data = ToyNet(dropout=0.5), toy_dataset()
    logits = evaluation.predict(model, data.train.inputs, batch_size=7)
    expected = model.eval()(data.train.inputs.float() / 255)
    assert torch.allclose(logits, expected, atol=1e-6)
    assert not logits.requires_grad
    (logits * torch.ones(1, requires_grad=True)).sum().backward()      # not an inference tensor


def test_predict_restores_the_mode_of_every_submodule_even_after_an_error():
    model = ToyNet()
    model.dropout.eval()
    for width in (8, 9):
        inputs = torch.zeros(2, 1, width, 8)
        if width == 8:
            evaluation.predict(model, inputs)
        else:
            with pytest.raises(RuntimeError):
                evaluation.predict(model, inputs)
        assert model.training and model.conv.training and not model.dropout.training


def test_a_model_without_parameters_predicts_on_the_cpu():
    assert evaluation.predict(nn.Flatten(), torch.ones(2, 3, 1)).shape == (2, 3)


@pytest.mark.parametrize("size", [0, -1, 2.0, "8"])
def test_a_wrong_batch_size_is_refused(size):
    with pytest.raises(SettingError, match="batch_size"):
        evaluation.predict(ToyNet(), torch.zeros(2, 1, 8, 8), batch_size=size)


def test_evaluate_is_the_mean_over_all_examples_not_over_batches():
    model, data = ToyNet(), toy_dataset()
    scores = evaluation.evaluate(model, data.train, batch_size=91)      # the last batch has five
    logits = model.eval()(data.train.inputs.float() / 255)
    assert scores.loss == pytest.approx(F.cross_entropy(logits, data.train.targets).item(), rel=1e-5)
    assert scores.accuracy == pytest.approx((logits.argmax(1) == data.train.targets).double().mean().item())
    assert scores.count == len(data.train)
    low, high = scores.interval
    assert low < scores.accuracy < high


@pytest.mark.parametrize("correct, count", [(0, 10), (10, 10), (7, 10), (8274, 10_000)])
def test_the_wilson_interval_is_scipys(correct, count):
    expected = binomtest(correct, count).proportion_ci(method="wilson")
    assert evaluation.wilson_interval(correct, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_an_impossible_proportion_is_refused():
    with pytest.raises(SettingError, match="correct = 11"):
        evaluation.wilson_interval(11, 10)


def test_the_confusion_matrix_has_actual_classes_in_rows():
    assert evaluation.confusion(LOGITS, TARGETS).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    predicted = LOGITS.argmax(1)
    assert evaluation.confusion(predicted, TARGETS, 4).shape == (4, 4)
    assert evaluation.confusion(predicted.tolist(), TARGETS.numpy(), 3).tolist() == \
        evaluation.confusion(LOGITS, TARGETS).tolist()


def test_the_report_scores_each_class_and_has_nan_for_what_is_undefined():
    frame = evaluation.report(LOGITS.argmax(1), TARGETS, ["a", "b", "c", "never"])
    assert frame.loc["b", ["precision", "recall", "F1"]].tolist() == [0.5, 0.5, 0.5]
    assert frame.loc["c", "precision"] == 1 and frame.loc["c", "recall"] == 0.5
    assert frame["support"].tolist() == [1, 2, 2, 0]
    assert frame.loc["never", ["precision", "recall"]].isna().all()


def test_calibration_counts_every_example_once():
    logits = torch.tensor([[0.0, 0], [0, 0], [0, 30], [30, 0]])
    frame = evaluation.calibration(logits, torch.tensor([0, 1, 1, 1]), bins=4)
    assert frame["count"].tolist() == [0, 0, 2, 2]
    assert frame["accuracy"][2:].tolist() == [0.5, 0.5]
    assert frame["confidence"][2:].tolist() == pytest.approx([0.5, 1])
    assert frame["confidence"][:2].isna().all()
    assert evaluation.expected_calibration_error(frame) == pytest.approx(0.25)


def test_the_most_confident_mistakes_come_surest_first():
    frame = evaluation.most_confident_mistakes(LOGITS, TARGETS)
    assert frame["index"].tolist() == [4, 2]
    assert frame[["predicted", "actual"]].to_numpy().tolist() == [[1, 2], [0, 1]]
    assert frame["confidence"][0] == pytest.approx(math.e ** 9 / (math.e ** 9 + 2))
    assert evaluation.most_confident_mistakes(LOGITS, TARGETS, count=1)["index"].tolist() == [4]
    assert evaluation.most_confident_mistakes(LOGITS, LOGITS.argmax(1)).empty


@pytest.mark.parametrize("logits, targets, message", [
    (LOGITS, [0, 1, 1, 2, 3], r"targets\[4\] = 3 .* from 0 to 2"),
    (LOGITS, [0, -1, 1, 2, 2], r"targets\[1\] = -1"),
    (LOGITS, [0, 1], r"targets\.shape = \(2,\) .*\(5,\)"),
    (LOGITS, [0.0, 1, 1, 2, 2], r"targets\.dtype = torch\.float32"),
    (LOGITS.log(), TARGETS, r"logits\[0, 1\] = -inf .* finite"),
    (LOGITS * float("nan"), TARGETS, r"logits\[0, 0\] = nan"),
    (LOGITS[0], TARGETS, r"logits = 'torch\.float32 \(3,\)'"),
    (LOGITS.long(), TARGETS, r"logits = 'torch\.int64 \(5, 3\)'"),
])
@pytest.mark.parametrize("function", [evaluation.calibration, evaluation.most_confident_mistakes])
def test_wrong_logits_and_targets_are_refused_by_name(function, logits, targets, message):
    with pytest.raises(SettingError, match=message):
        function(logits, targets)


@pytest.mark.parametrize("outputs, classes, message", [
    ([0, 1, 3, 0, 0], 3, r"predictions\[2\] = 3"),
    ([0, 1, 1, 0, 0], None, "classes = None"),
    ([0, 1, 1], 3, r"targets\.shape"),
    (torch.tensor([], dtype=torch.int64), 3, r"predictions\.shape = \(0,\)"),
    (LOGITS, 4, r"logits\.shape = \(5, 3\) .*4 columns"),
])
def test_wrong_predictions_are_refused_by_name(outputs, classes, message):
    with pytest.raises(SettingError, match=message):
        evaluation.confusion(outputs, TARGETS, classes)


def test_evaluate_refuses_a_diverged_model_and_an_empty_split():
    model, data = ToyNet(), toy_dataset()
    model.dense.bias.data[1] = float("nan")
    with pytest.raises(SettingError, match=r"logits\[0, 1\] = nan"):
        evaluation.evaluate(model, data.validation)
    with pytest.raises(SettingError, match="inputs = 0"):
        evaluation.evaluate(model, Split(data.train.inputs[:0], data.train.targets[:0]))


def test_training_can_import_evaluation_without_heavy_libraries():
    code = "import sys, labkit.evaluation; print({'sklearn', 'pandas', 'plotly'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True).stdout.strip() == "set()"


def test_the_layer_table_of_the_documents_network():
    model = DocumentCNN()
    frame = layer_table(model, (3, 32, 32))
    assert frame["layer"].tolist() == ["conv1", "conv2", "conv3", "dense1", "dense2", "total"]
    assert frame["output shape"][0] == "32 × 30 × 30"
    assert frame["parameters"].tolist() == [896, 18_496, 36_928, 65_600, 650, 122_570]
    assert frame["parameters"].iloc[-1] == parameter_count(model)
    assert model.training


def test_the_layer_table_leaves_no_hook_and_counts_a_shared_layer_once():
    shared = nn.Linear(4, 4)
    assert layer_table(nn.Sequential(shared, nn.ReLU(), shared), (4,))["parameters"].tolist() == [20, 0, 0, 20]
    model = ToyNet()
    with pytest.raises(RuntimeError):
        layer_table(model, (1, 9, 9))
    assert not any(module._forward_hooks for module in model.modules())
    assert np.all(layer_table(model, (1, 8, 8))["layer"] == ["conv", "dropout", "dense", "total"])
