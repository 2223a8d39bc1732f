"""An encoder-decoder with attention between the two, for a text whose translation has another length."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from labkit.models.transformer import Block


class Translator(nn.Module):
    """Rows (N, length + T) int64, a text of `length` tokens padded with 0 and then the first T tokens of what the
    decoder has said, to logits (N, T, target_tokens); those at t know the text and the decoder's tokens 0..t.

    The decoder's first token is the number `target_tokens`, for the start; T is at most `longest`. The encoder is a
    convolution over five neighbours and one Transformer layer. The decoder is one more, and each of its places then
    asks what to look at in the text (Bahdanau et al. 2015, computed as in Vaswani et al. 2017; one head, so that it
    can be read). `weights=True` returns (logits, weights (N, T, length)).
    """

    def __init__(self, source_tokens: int, target_tokens: int, width: int = 32, length: int = 32, longest: int = 16,
                 heads: int = 4):
        super().__init__()
        self.length = length
        self.source = nn.Embedding(source_tokens, width, padding_idx=0)
        self.target = nn.Embedding(target_tokens + 1, width)
        self.source_places, self.target_places = nn.Embedding(length, width), nn.Embedding(longest, width)
        self.neighbours = nn.Conv1d(width, width, 5, padding=2)
        self.encoder, self.decoder = Block(width, heads), Block(width, heads)
        self.norm_text, self.norm_query, self.norm = (nn.LayerNorm(width) for _part in range(3))
        self.query, self.key, self.value = (nn.Linear(width, width) for _part in range(3))
        self.linear, self.dense = nn.Linear(width, 2 * width), nn.Linear(2 * width, target_tokens)

    def encode(self, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One vector for each token of the text, (N, length, width), and which of them are padding, (N, length)."""
        hidden = text == 0
        hidden = hidden & ~hidden.all(1, keepdim=True)      # a row of padding alone is seen as it is
        x = self.source(text)
        x = x + self.neighbours(x.transpose(1, 2)).transpose(1, 2) + self.source_places.weight
        return self.norm_text(self.encoder(x, hidden[:, None, None])[0]), hidden

    def decode(self, memory: torch.Tensor, hidden: torch.Tensor,
               said: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, T, target_tokens) and weights (N, T, length) for an encoded text and the tokens `said` (N, T)."""
        x, _none = self.decoder(self.target(said) + self.target_places.weight[:said.shape[1]], causal=True)
        scores = self.query(self.norm_query(x)) @ self.key(memory).transpose(1, 2) / math.sqrt(x.shape[2])
        weights = scores.masked_fill(hidden[:, None], -math.inf).softmax(2)
        return self.dense(F.gelu(self.linear(self.norm(x + weights @ self.value(memory))))), weights

    def forward(self, rows: torch.Tensor, weights: bool = False):
        logits, found = self.decode(*self.encode(rows[:, :self.length]), rows[:, self.length:])
        return (logits, found) if weights else logits
