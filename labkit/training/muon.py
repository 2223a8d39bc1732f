"""Muon: momentum for filters, made orthogonal before each step (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

The step of a filter bank, seen as a matrix with a row for each filter, is replaced by the nearest matrix whose
singular values are all one: what the gradient says strongly and what it says faintly count the same.
"""
import torch

from labkit.device import has_bf16

QUINTIC = (3.4445, -4.7750, 2.0315)     # takes a singular value in 0..1 to about one in a few turns


def orthogonal(matrix: torch.Tensor, turns: int = 3) -> torch.Tensor:
    """`matrix` (rows, columns) with its singular values moved to 0.5..1.3, by `turns` of a Newton-Schulz iteration.

    A turn takes X to (a + b XXᵀ + c (XXᵀ)²) X. These factors are polynomials of the first XXᵀ, so they are multiplied
    among themselves, and only the last product is as wide as X. Where the device has bf16, products are computed in
    it, whose rounding does no harm here; the result has the matrix's dtype.
    """
    a, b, c = QUINTIC
    x = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix      # the smaller square is cheaper
    x = x / (x.norm() + 1e-7)
    x = x.bfloat16() if has_bf16(x.device) else x
    square, factor = x @ x.mT, torch.eye(len(x), dtype=x.dtype, device=x.device)
    for _turn in range(turns):
        turn = b * square + c * square @ square
        turn.diagonal().add_(a)
        factor, square = turn @ factor, turn @ square @ turn
    x = factor @ x
    return (x.mT if matrix.shape[0] > matrix.shape[1] else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Muon for weights with four dimensions, SGD with Nesterov momentum for all others.

    Filters are first scaled to a mean norm of one each: behind a normalisation their size has no meaning, and so
    `lr` is the share of them that a step changes.

    Momentum is 0.6 for filters as in airbench (Jordan 2024, arXiv:2404.00498), `momentum` for the others. Weight decay,
    decoupled, shrinks the others alone: filters are scaled anyway.
    """

    def __init__(self, weights, lr: float, momentum: float = 0.9, weight_decay: float = 0.0):
        weights = list(weights)
        groups = [{"params": [weight for weight in weights if weight.ndim == 4], "filters": True, "momentum": 0.6},
                  {"params": [weight for weight in weights if weight.ndim != 4], "filters": False,
                   "momentum": momentum}]
        super().__init__([group for group in groups if group["params"]],
                         {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        """One step from the gradients that the weights hold."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state, momentum = self.state[weight], group["momentum"]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                update = weight.grad.add(state["momentum"].mul_(momentum).add_(weight.grad), alpha=momentum)
                if group["filters"]:
                    weight.mul_(len(weight) ** 0.5 / weight.norm())
                    weight.sub_(_as_rows(update), alpha=group["lr"])
                else:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.sub_(update, alpha=group["lr"])


def _as_rows(update: torch.Tensor) -> torch.Tensor:
    """The orthogonal form of filters (out, in, height, width), in whichever order the memory has them."""
    rows = update.permute(0, 2, 3, 1)       # with channels last, this flattens without a copy
    return orthogonal(rows.flatten(1)).view(rows.shape).permute(0, 3, 1, 2)
