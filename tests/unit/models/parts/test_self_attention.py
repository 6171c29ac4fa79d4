"""Attention with a hand-written adjoint: the plain formula, values and gradients."""

import pytest
import torch

from neurodyn.models.parts.self_attention import self_attention


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("own_bias", [False, True])
def test_equals_the_plain_formula(heads: int, rate: float, own_bias: bool) -> None:
    torch.manual_seed(0)
    trials, bins, width = 4, 5, 6
    joined = torch.randn(trials, bins, 3 * width, dtype=torch.float64).requires_grad_()
    allowed = (torch.rand(trials if own_bias else 1, bins, bins) < 0.6) | torch.eye(bins, dtype=torch.bool)
    bias = torch.zeros(allowed.shape, dtype=torch.float64).masked_fill(~allowed, -torch.inf)
    keep = (torch.rand(heads, trials, bins, bins) >= rate).double() / (1 - rate) if rate else None
    found = self_attention(joined, bias, heads, keep)
    query, key, value = joined.view(trials, bins, 3, heads, -1).permute(2, 3, 0, 1, 4)
    weights = torch.softmax(query @ key.mT / (width / heads) ** 0.5 + bias, -1)
    expected = ((weights if keep is None else weights * keep) @ value).permute(1, 2, 0, 3).flatten(2)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    weight = torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad((made * weight).sum(), joined)[0] for made in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
