"""A plain recurrent network: one cell, and a language model that unrolls it over a text."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class RNNCell(nn.Module):
    """One step of a recurrent network (Elman 1990): h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Takes x (N, input_size) and h (N, hidden_size) and returns the new h. Names and first values of the weights
    are those of `torch.nn.RNNCell`.
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(hidden_size))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))

    def unroll(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """All states (N, T, hidden_size) for inputs (N, T, input_size): `forward` at each step in turn."""
        # What does not depend on h is computed for all steps at once.
        inputs = F.linear(x.transpose(0, 1), self.weight_ih, self.bias_ih + self.bias_hh)
        states = []
        for step in inputs.unbind(0):
            h = torch.tanh(torch.addmm(step, h, self.weight_hh.t()))
            states.append(h)
        return torch.stack(states, dim=1)


class CharRNN(nn.Module):
    """A character language model: embedding, one recurrent layer, and a dense layer to the next character.

    Takes tokens (N, T) int64 and returns logits (N, T, vocabulary_size); those at t know tokens 0..t alone.
    """

    def __init__(self, vocabulary_size: int, embedding_size: int = 32, hidden_size: int = 128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, embedding_size)
        self.cell = RNNCell(embedding_size, hidden_size)
        self.dense = nn.Linear(hidden_size, vocabulary_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        return self.dense(self.cell.unroll(x, x.new_zeros(len(x), self.cell.weight_hh.shape[0])))
