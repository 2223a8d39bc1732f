"""See what attention does: record the weights of every layer and head, or switch heads off.

Three kinds of layer are known: `labkit.models`' own, any `nn.MultiheadAttention`, and the self-attention of Hugging
Face's BERT and its kin. Nothing in them is changed for this: while nothing is recorded, nothing is spent.
"""
import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from labkit.language import _
from labkit.models.transformer import SelfAttention, causal_mask
from labkit.settings import refuse


@dataclass(frozen=True)
class Layer:
    """What one attention layer did in one forward pass; N examples, T queries, S keys (S = T in self-attention).

    name               the module's name in the model
    query, key, value  (N, heads, T or S, d)
    weights            (N, heads, T, S), softmax(QKᵀ/√d + mask), before dropout
    mask               bool, broadcasts to `weights`: True where attention is forbidden; None where all is allowed
    """
    name: str
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor
    mask: torch.Tensor | None


@contextlib.contextmanager
def capture(model: nn.Module) -> Iterator[list[Layer]]:
    """Record each attention layer of `model` that runs inside the block, in the order in which they run.

    Works in train and eval mode. Weights are computed beside the model from what its layers are given, without
    gradients; its outputs stay what they were (to rounding, where torch's fused encoder layer is skipped). Raises
    `SettingError` for a model without attention.

    >>> with capture(model) as captured:        # doctest: +SKIP
    ...     model(tokens)
    >>> captured[0].weights.shape               # doctest: +SKIP
    """
    captured = []
    with contextlib.ExitStack() as hooks:
        for found in _find(model):
            # A hook on its attention also keeps nn.TransformerEncoderLayer from its fused path, which shows nothing.
            hooks.enter_context(found.module.register_forward_pre_hook(_recorder(found, captured), with_kwargs=True))
        yield captured


@contextlib.contextmanager
def without_heads(model: nn.Module, pairs: Iterable[tuple[int, int]]) -> Iterator[None]:
    """Inside the block, the heads `[(layer, head), ...]` of `model` give zero, as in Michel et al. (2019).

    Layers and heads count from 0. A head's output is zeroed by zeroing what the dense layer after it does with it:
    that layer's weight is replaced by a copy in the block (so it gets no gradient) and put back afterwards.
    Raises `SettingError` for a layer or head that is not there.
    """
    layers, chosen = _find(model), {}
    for layer, head in pairs:
        if layer not in range(len(layers)):
            raise refuse("layer", layer, _("whole numbers from 0 to {last}").format(last=len(layers) - 1))
        if head not in range(layers[layer].heads):
            raise refuse("head", head, _("whole numbers from 0 to {last}").format(last=layers[layer].heads - 1))
        chosen.setdefault(layer, []).append(head)
    with contextlib.ExitStack() as replaced:
        for layer, heads in chosen.items():
            dense, count = layers[layer].dense, layers[layer].heads
            weight = dense.weight
            silent = weight.detach().clone().unflatten(1, (count, -1))
            silent[:, heads] = 0
            replaced.callback(setattr, dense, "weight", weight)
            dense.weight = nn.Parameter(silent.flatten(1), weight.requires_grad)
        yield


class _Found(NamedTuple):
    name: str
    module: nn.Module
    heads: int
    dense: nn.Linear        # what mixes the heads
    read: Callable          # the module and its arguments -> query, key, value, masks


def _find(model: nn.Module) -> list[_Found]:
    """The attention layers of `model`, in the order in which they were registered."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, SelfAttention):
            found.append(_Found(name, module, module.heads, module.project, _read_own))
        elif isinstance(module, nn.MultiheadAttention):
            found.append(_Found(name, module, module.num_heads, module.out_proj, _read_multihead))
        elif _is_bert(module):
            found.append(_Found(f"{name}.self".lstrip("."), module.self, module.self.num_attention_heads,
                                module.output.dense, _read_bert))
    if not found:
        raise refuse("model", type(model).__name__, _(
            "a model with attention: one of labkit.models, nn.MultiheadAttention, or BERT as an encoder"))
    return found


def _is_bert(module: nn.Module) -> bool:
    """Whether this is a `BertAttention`, or a class that was copied from it: transformers need not be installed."""
    inner = getattr(module, "self", None)
    return (all(hasattr(inner, part) for part in ("query", "key", "value", "num_attention_heads"))
            and not getattr(inner, "is_decoder", False) and hasattr(getattr(module, "output", None), "dense"))


def _recorder(found: _Found, captured: list[Layer]) -> Callable:
    def record(module, args, kwargs):
        with torch.no_grad():
            query, key, value, masks = found.read(module, *args, **kwargs)
            scores, forbidden = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]), None
            masks = [_added(mask) for mask in masks if mask is not None]
            if masks:
                added = sum(masks)
                scores = scores + added
                forbidden = (added <= torch.finfo(added.dtype).min).expand(*added.shape[:-2], *scores.shape[-2:])
            weights = scores.softmax(-1)
            if forbidden is not None:       # a query that may see nothing attends to nothing
                weights = weights.masked_fill(forbidden.all(-1, keepdim=True), 0.0)
        captured.append(Layer(found.name or type(module).__name__, query, key, value, weights, forbidden))
    return record


def _added(mask: torch.Tensor) -> torch.Tensor:
    """A mask as the numbers that it adds to the scores; a bool one forbids where it is True."""
    if mask.is_floating_point():
        return mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill(mask, -math.inf)


def _read_own(module, x, mask=None, causal=False, weights=False):
    return *module.split(x), [causal_mask(x.shape[1], x.device) if causal else mask]


def _read_bert(module, hidden_states, attention_mask=None, **_others):
    query, key, value = (dense(hidden_states).unflatten(-1, (module.num_attention_heads, -1)).transpose(1, 2)
                         for dense in (module.query, module.key, module.value))
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        attention_mask = ~attention_mask        # there, True stands for what may be seen
    return query, key, value, [attention_mask]


def _read_multihead(module, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
                    average_attn_weights=True, is_causal=False):
    if query.is_nested:     # so nn.TransformerEncoder packs a padded batch in eval mode
        lengths = torch.tensor([len(row) for row in query.unbind()], device=query.device)
        query = key = value = query.to_padded_tensor(0.0)
        key_padding_mask = torch.arange(query.shape[1], device=query.device) >= lengths[:, None]
    elif query.ndim == 2:
        query, key, value = query[None], key[None], value[None]
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    elif not module.batch_first:
        query, key, value = (x.transpose(0, 1) for x in (query, key, value))
    weights = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    if module.in_proj_weight is not None:
        weights = module.in_proj_weight.chunk(3)
    biases = (None, None, None) if module.in_proj_bias is None else module.in_proj_bias.chunk(3)
    query, key, value = map(F.linear, (query, key, value), weights, biases)
    more = []               # keys and values that no mask forbids
    if module.bias_k is not None:
        more.append((module.bias_k, module.bias_v))
    if module.add_zero_attn:
        more.append((torch.zeros_like(key[:1, :1]), torch.zeros_like(value[:1, :1])))
    for k, v in more:
        key, value = torch.cat([key, k.expand(len(key), 1, -1)], 1), torch.cat([value, v.expand(len(key), 1, -1)], 1)
    if attn_mask is not None and attn_mask.ndim == 3:
        attn_mask = attn_mask.unflatten(0, (-1, module.num_heads))
    if key_padding_mask is not None:
        key_padding_mask = key_padding_mask[:, None, None]
    return *(x.unflatten(2, (module.num_heads, -1)).transpose(1, 2) for x in (query, key, value)), [
        mask if mask is None else F.pad(mask, (0, len(more))) for mask in (attn_mask, key_padding_mask)]
