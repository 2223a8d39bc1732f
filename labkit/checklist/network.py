"""The third step: a network for the kind of data, described by plain values so that it can be built again."""
from dataclasses import dataclass

from torch import nn

from labkit.checklist.process import Processed
from labkit.checklist.report import Reported
from labkit.language import _
from labkit.models.dense import MLP
from labkit.models.vision import SmallCNN, parameter_count
from labkit.settings import choose as allowed
from labkit.training.recipe import whole

HIDDEN = 64         # units of each of two hidden layers
FILTERS = 16        # of the first convolution


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


def choose(processed: Processed, width: int | None = None, batch_norm: bool = True) -> Chosen:
    """Dense layers for a table, convolutions for pictures; `width` is HIDDEN or FILTERS by default.

    The checklist takes no text: recurrent networks and Transformers read what has an order (chapters 3 and 6).
    """
    if width is not None:
        whole("width", width, 1)
    classes = len(processed.dataset.class_names)
    if processed.collected.kind == "table":
        hidden = width or HIDDEN
        return Chosen({"model": "MLP", "sizes": [processed.preparation.inputs, hidden, hidden, classes],
                       "batch_norm": batch_norm}, _("a table's columns have no order and no neighbours"))
    return Chosen({"model": "SmallCNN", "width": width or FILTERS, "channels": processed.preparation.channels,
                   "classes": classes}, _("neighbouring pixels belong together: convolutions"))


def build(description: dict) -> nn.Module:
    """The network, with new weights. Raises `SettingError` for another model than these two."""
    if allowed("model", description.get("model"), ("MLP", "SmallCNN")) == "MLP":
        return MLP(*description["sizes"], batch_norm=description["batch_norm"])
    return SmallCNN(description["width"], description["channels"], description["classes"])
