"""What an attention map shows: read from a model for one text, and packed into bytes for the page."""
import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from labkit.attention import capture, without_heads
from labkit.language import _
from labkit.settings import refuse

MOST_TOKENS = 64
SCORE_BYTES = 8_000_000     # checkpoints whose scores do not fit, the earliest first, are sent without


@dataclass(frozen=True)
class Reading:
    """Attention of every checkpoint, layer and head on one text of T tokens; on the CPU.

    Scores are the products q·k before they are divided by √d_k (d_k is `width`). Scores and mask are None where the
    weights were given as they are, and where they are not softmax(q·k/√d_k) over what the mask allows.
    """
    weights: torch.Tensor                       # (checkpoints, layers, heads, T, T), float32; a row adds up to 1
    scores: torch.Tensor | None = None          # likewise
    mask: torch.Tensor | None = None            # (layers, heads, T, T), True where attention is forbidden
    norms: torch.Tensor | None = None           # (checkpoints, layers, heads, T): lengths of the value vectors
    width: int = 0
    before: torch.Tensor | None = None          # (checkpoints, classes or vocabulary): probabilities, all heads on
    after: torch.Tensor | None = None           # likewise without the heads that are off; None if none is
    generates: bool = False                     # the probabilities are those of the token that comes next


def own_copy(model: nn.Module) -> nn.Module:
    """A copy for evaluation, so that a map does not change while its model is trained on."""
    return copy.deepcopy(model).eval()


def entropy(weights: torch.Tensor) -> torch.Tensor:
    """The entropy in bits of each row of `weights` (..., T): (...)."""
    return torch.special.entr(weights).sum(-1) / math.log(2)


def read(model: nn.Module, ids: list[int], states: list[dict] | None = None,
         off: list[tuple[int, int]] = ()) -> Reading:
    """Run `model` on one text with the heads `off` switched off: once for each of `states`, which it is left in."""
    tokens = torch.tensor([ids], device=next(model.parameters()).device)
    layers, before, after, generates = [], [], [], False
    for state in states or [None]:
        if state is not None:
            model.load_state_dict(state)
        captured, seen = _run(model, tokens, off)
        layers.append(captured)
        unchanged = _run(model, tokens)[1] if off else seen
        if seen is not None:
            generates = seen.ndim == 3
            before.append(_probabilities(unchanged))
            after.append(_probabilities(seen))
    weights = _stack(layers, "weights")
    return Reading(weights, norms=_stack(layers, "value").norm(dim=-1), **_stages(layers, weights), generates=generates,
                   before=torch.stack(before) if before else None,
                   after=torch.stack(after) if before and off else None)


def _run(model: nn.Module, tokens: torch.Tensor, off: list[tuple[int, int]] = ()) -> tuple[list, torch.Tensor | None]:
    """The captured layers and the logits: (1, classes), (1, T, vocabulary), or None for a model without any."""
    with torch.no_grad(), without_heads(model, list(off)), capture(model) as captured:
        output = model(tokens)
    if len({layer.weights.shape for layer in captured}) > 1 or captured[0].weights.shape[-2:] != (tokens.shape[1],) * 2:
        shapes = ", ".join(str(tuple(layer.weights.shape[1:])) for layer in captured)
        raise refuse("model", type(model).__name__,
                     _("layers that all have the same number of heads, and look at the text itself"), shapes)
    logits = output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)
    return list(captured), logits


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    return logits.reshape(-1, logits.shape[-1])[-1].float().softmax(-1).cpu()


def _stack(layers: list[list], name: str) -> torch.Tensor:
    """One field of every layer of every checkpoint: (checkpoints, layers, heads, ...)."""
    return torch.stack([torch.stack([getattr(layer, name)[0].float().cpu() for layer in captured])
                        for captured in layers])


def _stages(layers: list[list], weights: torch.Tensor) -> dict:
    query, key = _stack(layers, "query"), _stack(layers, "key")
    scores, width = query @ key.mT, query.shape[-1]
    mask = torch.stack([torch.zeros(weights.shape[2:], dtype=torch.bool) if layer.mask is None else
                        layer.mask.cpu().broadcast_to(1, *weights.shape[2:])[0] for layer in layers[0]])
    again = (scores / math.sqrt(width)).masked_fill(mask, -math.inf).softmax(-1).nan_to_num()
    if not torch.allclose(again, weights, atol=1e-3):
        return {}       # something else is added to the scores, such as a bias for the distance
    return {"scores": scores, "mask": mask, "width": width}


def pack(reading: Reading) -> tuple[dict, bytes]:
    """For the page: what the arrays are, and their bytes.

    Weights are sent in steps of 1/255, scores in steps of 1/32767 of the head's largest.
    """
    checkpoints = len(reading.weights)
    entropies = entropy(reading.weights)
    arrays = {"entropy": entropies.float()}
    if reading.norms is not None:
        arrays["norms"] = reading.norms.float()
    scored = 0
    if reading.scores is not None:
        scored = min(checkpoints, SCORE_BYTES // (2 * reading.scores[0].numel()))
        scores = reading.scores[checkpoints - scored:]
        unit = scores.abs().amax((-2, -1), keepdim=True).clamp(min=1e-30) / 32767
        arrays |= {"unit": unit.float(), "scores": (scores / unit).round().to(torch.int16),
                   "mask": reading.mask.to(torch.uint8)}
    arrays["weights"] = (reading.weights * 255).round().to(torch.uint8)
    # From wide to narrow numbers, so that each array begins at a multiple of its number's size.
    order = sorted(arrays, key=lambda name: -arrays[name].element_size())
    about = {"arrays": [[name, str(arrays[name].dtype).removeprefix("torch."), arrays[name].numel()] for name in order],
             "layers": reading.weights.shape[1], "heads": reading.weights.shape[2], "width": reading.width,
             "scored": scored, "first": sharpest(reading.weights)}
    return about, b"".join(np.ascontiguousarray(arrays[name].numpy()).tobytes() for name in order)


def sharpest(weights: torch.Tensor) -> list[int]:
    """The layer and head with the least entropy in the last checkpoint."""
    place = int(entropy(weights[-1]).mean(-1).argmin())
    return [place // weights.shape[2], place % weights.shape[2]]


def largest(reading: Reading, checkpoint: int, names, top: int = 5) -> list[dict]:
    """The most probable classes or tokens, before and, where heads are off, after: rows of name, before, after.

    `names` gives the name of a number.
    """
    before = reading.before[checkpoint]
    rows = before.topk(min(top, len(before))).indices.tolist()
    if reading.after is None:
        return [{"name": names(row), "before": float(before[row])} for row in rows]
    after = reading.after[checkpoint]
    rows = dict.fromkeys([*rows, *after.topk(min(top, len(after))).indices.tolist()])
    return [{"name": names(row), "before": float(before[row]), "after": float(after[row])} for row in rows]
