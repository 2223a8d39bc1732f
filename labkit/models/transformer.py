"""The Transformer (Vaswani et al. 2017) in its pre-norm form: attention, a layer, and the stack of layers."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from labkit.language import _
from labkit.settings import refuse

OPEN_LENGTH = 64


class SelfAttention(nn.Module):
    """softmax(QKᵀ/√d) V for each head, and a dense layer that mixes the heads; x (N, T, width) in and out.

    mask     bool, broadcast to (N, heads, T, T), True where attention is forbidden
    causal   each token sees itself and those before it; not together with a mask
    weights  return the weights (N, heads, T, T) too; else None stands in their place
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        if heads < 1 or width % heads:
            raise refuse("heads", heads, _("a number that divides the width, {width}").format(width=width))
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)      # query, key and value of all heads in one product
        self.project = nn.Linear(width, width)

    def split(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Query, key and value, each (N, heads, T, width / heads), as views of one tensor."""
        return tuple(part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=2))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, causal: bool = False,
                weights: bool = False) -> tuple[torch.Tensor, torch.Tensor | None]:
        query, key, value = self.split(x)
        dropout, found = self.dropout if self.training else 0.0, None
        if weights or _open_is_faster(x):
            scores = query / math.sqrt(query.shape[-1]) @ key.transpose(-2, -1)
            if causal:
                mask = causal_mask(x.shape[1], x.device)
            if mask is not None:        # added: the gradient of a sum costs nothing, that of masked_fill a copy
                scores += torch.zeros(mask.shape, device=x.device).masked_fill_(mask, -math.inf)
            found = scores.softmax(-1)
            mixed = F.dropout(found, dropout) @ value
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, None if mask is None else ~mask, dropout, causal)
        return self.project(mixed.transpose(1, 2).flatten(2)), found if weights else None


def _open_is_faster(x: torch.Tensor) -> bool:
    """Whether plain products beat the fused kernel: on several threads of a CPU, for rows of up to 64 tokens.

    With torch 2.13 on two cores, forward and backward of (64, 64) tokens of width 64: 3 ms against 4.5 to 10.
    """
    return x.device.type == "cpu" and x.shape[1] <= OPEN_LENGTH and torch.get_num_threads() > 1


def causal_mask(length: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Bool (length, length), True above the diagonal: what is still to come."""
    return torch.ones(length, length, dtype=torch.bool, device=device).triu(1)


class Block(nn.Module):
    """One layer: attention, then two dense layers with GELU, each added to what it was given (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, causal: bool = False,
                weights: bool = False) -> tuple[torch.Tensor, torch.Tensor | None]:
        mixed, found = self.attention(self.norm1(x), mask, causal, weights)
        x = x + self.dropout(mixed)
        x = x + self.dropout(self.linear2(self.dropout(F.gelu(self.linear1(self.norm2(x))))))
        return x, found


class Transformer(nn.Module):
    """What the models in `sequence` share: learned embeddings of tokens and positions, `layers` blocks, a last norm."""

    def __init__(self, vocabulary_size: int, outputs: int, width: int, layers: int, heads: int, context: int,
                 dropout: float):
        super().__init__()
        self.context = context
        self.tokens, self.positions = nn.Embedding(vocabulary_size, width), nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _layer in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Linear(width, outputs)

    def features(self, tokens: torch.Tensor, mask: torch.Tensor | None, causal: bool,
                 weights: bool) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
        """One vector for each token, (N, T, width), and the weights of each layer."""
        if tokens.shape[1] > self.context:
            raise refuse("tokens.shape", tuple(tokens.shape), _("at most {context} tokens a row").format(
                context=self.context))
        x = self.dropout(self.tokens(tokens) + self.positions.weight[:tokens.shape[1]])
        found = []
        for block in self.blocks:
            x, of_this_layer = block(x, mask, causal, weights)
            found.append(of_this_layer)
        return self.norm(x), found
