"""How good a model is: predictions, scores, and the tables that show where it is wrong.

Outputs of a classifier are *logits*, floats of shape (examples, classes); targets are class numbers (examples,).
Functions named so take either logits or *predictions*, class numbers of shape (examples,). `predict` and `evaluate`
take models of sequences and of numbers as well, as `labkit.loss` lists them.
"""
import math
import statistics
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from labkit.data.dataset import Split
from labkit.device import device_of, eval_mode
from labkit.language import _
from labkit.loss import correct, count, mean_loss
from labkit.settings import refuse

TOKEN_BATCH = 64        # sequences evaluated at once: their outputs have examples x length x vocabulary numbers


@dataclass(frozen=True)
class Scores:
    """Mean cross entropy in nats, accuracy in 0..1, and the number of examples (or of tokens) they rest on.

    Where the targets are numbers the loss is the mean squared error, and the accuracy, not measured, is NaN.
    """
    loss: float
    accuracy: float
    count: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy: what chance alone would allow for this many independent examples.

        Tokens of one text are not independent: for them the true interval is wider. NaN where nothing was counted.
        """
        if math.isnan(self.accuracy):
            return math.nan, math.nan
        return wilson_interval(round(self.accuracy * self.count), self.count)


def as_float(inputs: torch.Tensor) -> torch.Tensor:
    """`uint8` images as float32 in 0..1, on the same device; any other tensor as it is."""
    return inputs.to(torch.float32).div_(255) if inputs.dtype == torch.uint8 else inputs


def predict(model: nn.Module, inputs: torch.Tensor, batch_size: int = 512, *, mirrored: bool = False) -> torch.Tensor:
    """The model's outputs for `inputs` (N, ...), on the CPU; for a classifier, logits (N, classes).

    Runs in eval mode on the model's own device, without gradients. `uint8` images are scaled as in training. With
    `mirrored` the outputs for each image (N, C, H, W) and for its mirror image are averaged, at twice the time.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise refuse("batch_size", batch_size, _("a whole number of at least 1"))
    if len(inputs) == 0:
        raise refuse("inputs", len(inputs), _("at least one example"))
    if mirrored and inputs.ndim != 4:
        raise refuse("mirrored", mirrored, _("False, or images of shape (N, channels, height, width)"))
    device = device_of(model)

    def output(batch: torch.Tensor) -> torch.Tensor:
        return (model(batch) + model(batch.flip(-1))) / 2 if mirrored else model(batch)
    with eval_mode(model), torch.inference_mode():
        outputs = [output(as_float(batch.to(device))).cpu() for batch in inputs.split(batch_size)]
    return torch.cat(outputs)     # outside inference_mode, so that a caller may take gradients from here


def evaluate(model: nn.Module, split: Split, batch_size: int = 512, *, mirrored: bool = False) -> Scores:
    """Loss and accuracy of `model` on `split`, `mirrored` as in `predict`.

    Raises `SettingError` if the outputs are not finite.
    """
    if split.targets.ndim > 1 or split.targets.is_floating_point():
        return _evaluate_in_batches(model, split, min(batch_size, TOKEN_BATCH))
    logits, targets = _checked(predict(model, split.inputs, batch_size, mirrored=mirrored), split.targets)
    return Scores(F.cross_entropy(logits, targets).item(),
                  (logits.argmax(1) == targets).float().mean().item(), len(targets))


def _evaluate_in_batches(model: nn.Module, split: Split, batch_size: int) -> Scores:
    """The scores without ever holding all outputs at once, which take a number for each token and each word."""
    loss = right = counted = 0.0
    for inputs, targets in zip(split.inputs.split(batch_size), split.targets.split(batch_size), strict=True):
        outputs, targets = _finite(predict(model, inputs, batch_size), "outputs").double(), targets.cpu()
        targets = targets.double() if targets.is_floating_point() else targets
        loss += mean_loss(outputs, targets, reduction="sum").item()
        right += correct(outputs, targets).item()
        counted += int(count(targets))
    return Scores(loss / counted, right / counted, int(counted))


def wilson_interval(correct: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a proportion, `correct` of `count`, by Wilson's score method (1927)."""
    if not 0 <= correct <= count or count < 1:
        raise refuse("correct", correct, _("0 to {count}, the number of examples").format(count=count))
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = correct / count, z * z / count
    middle, half = share + weight / 2, z * (share * (1 - share) / count + weight / (4 * count)) ** 0.5
    return max(0.0, (middle - half) / (1 + weight)), min(1.0, (middle + half) / (1 + weight))


def report(logits_or_predictions, targets, class_names):
    """A data frame with a row for each class: precision, recall, F1 (0..1) and support (examples).

    A class that was never predicted has no precision, one that never occurs no recall: both are NaN.
    """
    import pandas
    from sklearn.metrics import precision_recall_fscore_support
    predicted, targets = _predictions(logits_or_predictions, targets, len(class_names))
    scores = precision_recall_fscore_support(targets.numpy(), predicted.numpy(),
                                             labels=range(len(class_names)), zero_division=float("nan"))
    frame = pandas.DataFrame(dict(zip(("precision", "recall", "F1", "support"), scores, strict=True)),
                             index=list(class_names))
    return frame.rename_axis("class")


def confusion(logits_or_predictions, targets, classes: int | None = None):
    """Counts as an int64 array (classes, classes): row = actual class, column = predicted class.

    `classes` may be left out for logits, whose width says it.
    """
    from sklearn.metrics import confusion_matrix
    predicted, targets = _predictions(logits_or_predictions, targets, classes)
    if classes is None:
        classes = torch.as_tensor(logits_or_predictions).shape[1]
    return confusion_matrix(targets.numpy(), predicted.numpy(), labels=range(classes))


def calibration(logits, targets, bins: int = 10):
    """Does the model know when it is right? A data frame with a row for each of `bins` equal bins.

    Confidence is the largest softmax probability. Columns: low and high (the bin's limits), confidence (mean)
    and accuracy, both NaN in an empty bin, and count.
    """
    import numpy
    import pandas
    if not isinstance(bins, int) or bins < 1:
        raise refuse("bins", bins, _("a whole number of at least 1"))
    logits, targets = _checked(logits, targets)
    confidence, predicted = (values.numpy() for values in logits.softmax(1).max(1))
    count, edges = numpy.histogram(confidence, bins, (0, 1))
    frame = pandas.DataFrame({"low": edges[:-1], "high": edges[1:]})
    for name, values in (("confidence", confidence), ("accuracy", predicted == targets.numpy())):
        total, _edges = numpy.histogram(confidence, bins, (0, 1), weights=values.astype(float))
        frame[name] = numpy.divide(total, count, out=numpy.full(bins, numpy.nan), where=count > 0)
    frame["count"] = count
    return frame


def expected_calibration_error(calibration) -> float:
    """Mean gap of confidence and accuracy over all examples (Guo et al. 2017), from `calibration`'s frame."""
    gaps = (calibration["accuracy"] - calibration["confidence"]).abs()
    return float((gaps * calibration["count"]).sum() / calibration["count"].sum())


def most_confident_mistakes(logits, targets, count: int = 12):
    """The wrong predictions that the model was surest of, surest first: at most `count` rows.

    Columns: index (position in the split), predicted, actual (class numbers) and confidence (0..1).
    """
    import pandas
    logits, targets = _checked(logits, targets)
    confidence, predicted = logits.softmax(1).max(1)
    frame = pandas.DataFrame({"index": range(len(targets)), "predicted": predicted.numpy(),
                              "actual": targets.numpy(), "confidence": confidence.numpy()})
    wrong = frame[frame["predicted"] != frame["actual"]]
    return wrong.sort_values("confidence", ascending=False, kind="stable").head(count).reset_index(drop=True)


def _predictions(outputs, targets, classes: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Class numbers and targets, both checked, from logits or from class numbers."""
    outputs = torch.as_tensor(outputs)
    if outputs.ndim == 2:
        logits, targets = _checked(outputs, targets)
        if classes not in (None, logits.shape[1]):
            raise refuse("logits.shape", tuple(logits.shape),
                         _("{classes} columns, one for each class").format(classes=classes))
        return logits.argmax(1), targets
    if classes is None:
        raise refuse("classes", classes, _("the number of classes, where predictions are given, not logits"))
    count = outputs.numel()
    return _labels("predictions", outputs, count, classes), _labels("targets", targets, count, classes)


def _checked(logits, targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits in float64 and targets, on the CPU, or a refusal that names the first wrong value."""
    logits = torch.as_tensor(logits).detach().cpu()
    if logits.ndim != 2 or len(logits) == 0 or not logits.is_floating_point():
        raise refuse("logits", f"{logits.dtype} {tuple(logits.shape)}",
                     _("floating-point numbers of shape (examples, classes)"))
    return _finite(logits, "logits").double(), _labels("targets", targets, len(logits), logits.shape[1])


def _finite(outputs: torch.Tensor, field: str) -> torch.Tensor:
    """`outputs`, or a refusal that names the first number that is not finite."""
    wrong = (~outputs.isfinite()).nonzero()
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise refuse(f"{field}{list(place)}", outputs[place].item(), _("finite numbers"),
                     _("The model has diverged: train it again with a lower learning rate."))
    return outputs


def _labels(field: str, labels, examples: int, classes: int) -> torch.Tensor:
    labels = torch.as_tensor(labels).detach().cpu()
    if labels.is_floating_point() or labels.is_complex():
        raise refuse(f"{field}.dtype", labels.dtype, _("whole numbers"))
    if labels.shape != (examples,) or not examples:
        raise refuse(f"{field}.shape", tuple(labels.shape),
                     _("({count},), one class number for each example").format(count=max(1, examples)))
    labels = labels.long()
    wrong = ((labels < 0) | (labels >= classes)).nonzero()
    if len(wrong):
        place = wrong[0].item()
        raise refuse(f"{field}[{place}]", labels[place].item(),
                     _("whole numbers from 0 to {last}").format(last=classes - 1))
    return labels
