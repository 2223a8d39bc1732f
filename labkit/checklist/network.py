"""The third step: a network for the kind of data, described by plain values so that it can be built again."""
from dataclasses import dataclass

from torch import nn

from labkit.checklist.processing import Processed
from labkit.checklist.report import Reported
from labkit.language import _
from labkit.models.dense import MLP
from labkit.models.vision import SmallCNN, parameter_count
from labkit.settings import choose as allowed
from labkit.training.recipe import whole

WIDTH = 32          # units of each of two hidden layers, or filters of the first convolution


@dataclass(frozen=True, repr=False)
class Chosen(Reported):
    """A network that is not built yet: `description` is what `build` takes."""
    description: dict
    why: str

    def rows(self):
        yield _("network"), self.description["model"]
        yield _("why"), self.why
        yield _("parameters"), f"{parameter_count(build(self.description)):,}"
        yield _("batch normalisation"), _("yes") if self.description.get("batch_norm") else _("no")
        yield _("beside it"), _("the most frequent class; logistic regression")


def choose(processed: Processed, width: int = WIDTH, batch_norm: bool = True) -> Chosen:
    """Dense layers for a table, convolutions for pictures; `width` is that of the hidden layers or filters.

    The checklist takes no text: recurrent networks and Transformers read what has an order (chapters 3 and 6).
    """
    whole("width", width, 1)
    classes = len(processed.dataset.class_names)
    if processed.collected.kind == "table":
        return Chosen({"model": "MLP", "sizes": [processed.preparation.inputs, width, width, classes],
                       "batch_norm": batch_norm}, _("a table's columns have no order and no neighbours"))
    return Chosen({"model": "SmallCNN", "width": width, "channels": processed.preparation.channels,
                   "classes": classes}, _("neighbouring pixels belong together: convolutions"))


def build(description: dict) -> nn.Module:
    """The network, with new weights. Raises `SettingError` for another model than these two."""
    if allowed("model", description.get("model"), ("MLP", "SmallCNN")) == "MLP":
        return MLP(*description["sizes"], batch_norm=description["batch_norm"])
    return SmallCNN(description["width"], description["channels"], description["classes"])
