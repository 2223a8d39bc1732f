"""BERT's way to learn from text without labels: name the tokens that are hidden (Devlin et al. 2018)."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from labkit.models.sequence import EncoderTransformer


class MaskedLanguageModel(nn.Module):
    """An encoder with BERT's second head: for some places of a text, logits of the token that belongs there.

    Inputs (N, context + P) int64 are a row of tokens, then the P places to name, in any order. The logits are
    (N, P, vocabulary), so that nothing is computed for the places that nobody asks for. As in BERT, the last layer's
    weights are the embeddings; they are divided by √width here, since `nn.Embedding` starts with deviation 1.
    """

    def __init__(self, encoder: EncoderTransformer):
        super().__init__()
        width = encoder.tokens.embedding_dim
        self.encoder, self.context = encoder, encoder.context
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(encoder.tokens.num_embeddings))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        tokens, places = inputs[:, :self.context], inputs[:, self.context:]
        hidden = None if self.encoder.padding is None else (tokens == self.encoder.padding)[:, None, None]
        x, _weights = self.encoder.features(tokens, hidden, False, False)
        x = x.gather(1, places[..., None].expand(-1, -1, x.shape[2]))
        x = self.norm(F.gelu(self.dense(x))) / math.sqrt(x.shape[2])
        return F.linear(x, self.encoder.tokens.weight, self.bias)
