"""Where in a passage the answer to a question stands: a start and an end (Rajpurkar et al. 2016)."""
import torch
from torch import nn


class SpanReader(nn.Module):
    """Rows (N, length + Q) int64, a passage of `length` tokens and a question, both padded with 0, to logits
    (N, 2, length): at which token the answer starts, and at which it ends.

    The mean of the question's embeddings is added to each token of the passage, which a recurrent layer (GRU; Cho et
    al. 2014) then reads in both directions. Padding cannot be chosen.
    """

    def __init__(self, tokens: int, width: int = 32, length: int = 56):
        super().__init__()
        self.length = length
        self.tokens = nn.Embedding(tokens, width, padding_idx=0)
        self.question = nn.Linear(width, width)
        self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * width, 2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        passage, question = rows[:, :self.length], rows[:, self.length:]
        asked = self.tokens(question).sum(1) / (question != 0).sum(1, keepdim=True).clamp(min=1)
        x, _last = self.encoder(self.tokens(passage) + self.question(asked)[:, None])
        logits = self.dense(x).transpose(1, 2)
        return logits.masked_fill((passage == 0)[:, None], -1e4)
