"""Three recommenders that score every item for a user, and differ only in what they know of an item.

All three factorise the matrix of preferences (users, items): a score is the user's vector times the item's vector, plus
a bias of each (Koren, Bell & Volinsky 2009). Cells without a rating count as 0, as in PureSVD (Cremonesi et al. 2010),
since what somebody leaves alone says something too.
"""
import torch
from torch import nn


class Recommender(nn.Module):
    """Users (N, 1) int64 -> scores (N, known), those of the items that have ratings; `scores` gives all items.

    `known` (K,) holds the numbers of these items. A subclass says what an item is: `item_vectors` returns
    (items, width + 1), the last column being the bias.
    """

    def __init__(self, users: int, known: torch.Tensor, width: int = 16):
        super().__init__()
        self.user = nn.Embedding(users, width)
        self.user_bias = nn.Embedding(users, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        self.register_buffer("known", known)

    def item_vectors(self) -> torch.Tensor:
        raise NotImplementedError

    def scores(self, users: torch.Tensor) -> torch.Tensor:
        """Users (N,) -> scores of all items (N, items)."""
        return self._scores(users, self.item_vectors())

    def forward(self, users: torch.Tensor) -> torch.Tensor:
        return self._scores(users.flatten(), self.item_vectors()[self.known])

    def _scores(self, users, vectors):
        return self.user(users) @ vectors[:, :-1].T + vectors[:, -1] + self.user_bias(users)


class MatrixFactorisation(Recommender):
    """Collaborative filtering: an item is a free vector, learned from its ratings. One without ratings has zeros."""

    def __init__(self, users: int, known: torch.Tensor, features: torch.Tensor, width: int = 16):
        super().__init__(users, known, width)
        self.item = _free_vectors(known, len(features), width)

    def item_vectors(self) -> torch.Tensor:
        return self.item.weight


class ContentBased(Recommender):
    """An item is what a small network makes of its features (items, F). Two items with the same ones are the same."""

    def __init__(self, users: int, known: torch.Tensor, features: torch.Tensor, width: int = 16, hidden: int = 32):
        super().__init__(users, known, width)
        self.register_buffer("features", features)
        self.tower = _tower(features.shape[1], hidden, width + 1)

    def item_vectors(self) -> torch.Tensor:
        return self.tower(self.features)


class Hybrid(Recommender):
    """Both: features through a network, plus a free vector. An item without ratings has its features alone.

    In training the free vector of each item is left out with the chance `dropout` in each step, so that the network
    learns to do without (after DropoutNet, Volkovs, Yu & Poutanen 2017).
    """

    def __init__(self, users: int, known: torch.Tensor, features: torch.Tensor, width: int = 16, hidden: int = 32,
                 dropout: float = 0.3):
        super().__init__(users, known, width)
        self.register_buffer("features", features)
        self.tower = _tower(features.shape[1], hidden, width + 1)
        self.item = _free_vectors(known, len(features), width)
        self.dropout = dropout

    def item_vectors(self) -> torch.Tensor:
        free = self.item.weight
        if self.training:
            free = free * (torch.rand(len(free), 1, device=free.device) >= self.dropout)
        return self.tower(self.features) + free


def _free_vectors(known: torch.Tensor, items: int, width: int) -> nn.Embedding:
    vectors = nn.Embedding(items, width + 1)
    nn.init.zeros_(vectors.weight)
    with torch.no_grad():
        vectors.weight[known, :width] = 0.1 * torch.randn(len(known), width)
    return vectors


def _tower(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
