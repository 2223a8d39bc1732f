"""BERT's way to learn from text without labels: name the tokens that are hidden (Devlin et al. 2018)."""
import torch
import torch.nn.functional as F
from torch import nn

from labkit.models.sequence import EncoderTransformer


class MaskedLanguageModel(nn.Module):
    """An encoder with BERT's second head: for some places of a text, logits of the token that belongs there.

    Inputs (N, length + P) int64 are a row of tokens, then the P places to name, in any order. The logits are
    (N, P, vocabulary), so that nothing is computed for the places that nobody asks for. As in BERT, the weights of the
    last layer are the embeddings (their deviation should start near 1/√width). `counts` (vocabulary,), how often each
    token occurs, lets the head start from these frequencies. `length` may be changed between two runs.
    """

    def __init__(self, encoder: EncoderTransformer, length: int, counts: torch.Tensor | None = None):
        super().__init__()
        width = encoder.tokens.embedding_dim
        self.encoder, self.length = encoder, length
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        start = torch.zeros(encoder.tokens.num_embeddings) if counts is None else ((counts + 0.1) / counts.sum()).log()
        self.bias = nn.Parameter(start)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        tokens, places = inputs[:, :self.length], inputs[:, self.length:]
        hidden = None if self.encoder.padding is None else (tokens == self.encoder.padding)[:, None, None]
        x, _weights = self.encoder.features(tokens, hidden, False, False)
        x = x.gather(1, places[..., None].expand(-1, -1, x.shape[2]))
        return F.linear(self.norm(F.gelu(self.dense(x))), self.encoder.tokens.weight, self.bias)
