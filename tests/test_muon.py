"""Muon: steps whose singular values are near one, and the same step as torch's own for matrices."""
import pytest
import torch
from torch import nn

from labkit.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 60)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape) * torch.logspace(-1, 1, shape[1])
    before, after = torch.linalg.svdvals(matrix), torch.linalg.svdvals(orthogonal(matrix, turns=5))
    assert before.max() / before.min() > 10 and after.min() > 0.3 and after.max() < 1.4
    u, _values, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.cosine_similarity(orthogonal(matrix, turns=9).flatten(), (u @ v).flatten(), dim=0) > 0.95


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_factors_multiplied_first_give_what_the_turns_give_one_by_one(turns):
    torch.manual_seed(0)
    matrix = torch.randn(64, 300)
    expected = matrix.double() / matrix.double().norm()
    for _turn in range(turns):
        square = expected @ expected.mT
        expected = 3.4445 * expected + (-4.7750 * square + 2.0315 * square @ square) @ expected
    assert (orthogonal(matrix, turns) - expected).norm() < 0.03 * expected.norm()


def test_a_step_of_filters_is_torchs_step_of_the_matrix():
    """torch.optim.Muon takes matrices only; 1 × 1 filters are one. Ours have rows of norm one on average first."""
    torch.manual_seed(0)
    ours = nn.Parameter(torch.randn(6, 8, 1, 1))
    theirs = nn.Parameter((ours.detach() * 6 ** 0.5 / ours.detach().norm()).flatten(1).clone())
    muon = Muon([ours], lr=0.1)
    reference = torch.optim.Muon([theirs], lr=0.1, momentum=0.6, weight_decay=0.0, ns_steps=3)
    for _step in range(3):
        theirs.grad = torch.randn(6, 8)
        ours.grad = theirs.grad.view(6, 8, 1, 1).clone()
        with torch.no_grad():
            theirs.mul_(6 ** 0.5 / theirs.norm())
        start = theirs.detach().clone()
        muon.step()
        reference.step()
        step, expected = ours.detach().flatten(1) - start, theirs.detach() - start
        assert torch.cosine_similarity(step.flatten(), expected.flatten(), dim=0) > 0.99     # to bf16
        assert step.norm() / expected.norm() == pytest.approx(1, abs=0.05)


def test_the_order_in_memory_changes_nothing():
    torch.manual_seed(0)
    start, gradient = torch.randn(8, 4, 3, 3), torch.randn(8, 4, 3, 3)
    found = []
    for order in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(start.clone(memory_format=order))
        weight.grad = gradient.clone(memory_format=order)
        Muon([weight], lr=0.1).step()
        found.append(weight.detach().contiguous())
    torch.testing.assert_close(*found)


def test_other_weights_take_nesterovs_step():
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(5)) for _which in range(2))
    muon = Muon([ours], lr=0.1, momentum=0.8)
    reference = torch.optim.SGD([theirs], lr=0.1, momentum=0.8, nesterov=True)
    for _step in range(4):
        ours.grad = theirs.grad = torch.randn(5)
        muon.step()
        reference.step()
    torch.testing.assert_close(ours.detach(), theirs.detach())


def test_a_weight_without_a_gradient_stays():
    weight, other = nn.Parameter(torch.ones(2, 2, 1, 1)), nn.Parameter(torch.ones(2))
    other.grad = torch.ones(2)
    Muon([weight, other], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(weight, torch.ones(2, 2, 1, 1)) and (other < 0.95).all()
