"""A trained model as a product: its weights, and what a picture or row must go through to reach them.

Two files, `model.safetensors` and `model.json`. Neither can run code when it is read, as a pickle can.
"""
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_weights
from safetensors.torch import save as as_bytes
from torch import nn

from labkit.checklist.fitting import Trained
from labkit.checklist.intake import write
from labkit.checklist.network import build
from labkit.checklist.prepare import ImagePreparation, TablePreparation
from labkit.checklist.processing import Processed
from labkit.evaluation import predict
from labkit.language import _
from labkit.settings import refuse

WEIGHTS, ABOUT = "model.safetensors", "model.json"
VERSION = 1
PREPARATIONS = {"table": TablePreparation, "images": ImagePreparation}


@dataclass(frozen=True)
class Answerer:
    """A model that was saved, ready to answer. `about` is what `model.json` says."""
    model: nn.Module
    preparation: TablePreparation | ImagePreparation
    class_names: tuple[str, ...]
    about: dict

    def answer(self, given) -> dict:
        """{"class", "probability"} for a row (a dict of all columns) or a picture (uint8 array, or a file's bytes)."""
        chances = predict(self.model, self.preparation.one(given)).softmax(1)[0]
        return {"class": self.class_names[chances.argmax()], "probability": round(float(chances.max()), 4)}


def save(folder: str | Path, processed: Processed, trained: Trained) -> Path:
    """Write both files into `folder`, and return it. The second holds the first one's checksum, and is written last."""
    folder = Path(folder)
    weights = as_bytes({name: value.cpu().contiguous() for name, value in trained.run.model.state_dict().items()})
    about = {"version": VERSION, "kind": processed.collected.kind, "network": trained.chosen.description,
             "preparation": dataclasses.asdict(processed.preparation), "class_names": processed.dataset.class_names,
             "weights_sha256": hashlib.sha256(weights).hexdigest(),
             "data": {"name": processed.collected.name, "sha256": processed.collected.sha256,
                      "licence": processed.collected.licence},
             "recipe": trained.run.recipe.as_dict(), "validation_accuracy": trained.validation.accuracy}
    write(folder, WEIGHTS, weights)
    write(folder, ABOUT, json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False).encode())
    return folder


def load(folder: str | Path) -> Answerer:
    """The model that `save` wrote. Raises `SettingError` for files that are missing, damaged or of two models."""
    folder = Path(folder)
    try:
        weights, about = (folder / WEIGHTS).read_bytes(), json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise refuse("folder", str(folder), _("a folder with {names}").format(names=f"{WEIGHTS}, {ABOUT}"),
                     str(error)) from error
    try:
        if about["version"] != VERSION or about["weights_sha256"] != hashlib.sha256(weights).hexdigest():
            raise ValueError(_("the two files do not belong together"))
        model = _network(about["network"], read_weights(weights))
        if about["kind"] == "images":       # as in training: another layout rounds otherwise
            model.to(memory_format=torch.channels_last)
        preparation = PREPARATIONS[about["kind"]](**about["preparation"])
        class_names = tuple(map(str, about["class_names"]))
        if predict(model.eval(), preparation.one(preparation.blank())).shape != (1, len(class_names)):
            raise ValueError(_("the network answers with another number of classes"))
        return Answerer(model, preparation, class_names, about)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError,
            SafetensorError) as error:
        raise refuse(ABOUT, str(folder), _("a model that `save` wrote"), f"({str(error)[:200]})") from error


def _network(description: dict, weights: dict[str, torch.Tensor]) -> nn.Module:
    """The network with these weights. It has no memory of its own, so that a file cannot ask for more than it holds."""
    with torch.device("meta"):
        model = build(description)
    kinds = {name: value.dtype for name, value in model.state_dict().items()}
    if kinds != {name: value.dtype for name, value in weights.items()}:
        raise ValueError(_("the weights are not those of the network"))
    model.load_state_dict(weights, assign=True)
    return model
