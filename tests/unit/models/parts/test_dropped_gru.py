"""The recurrent unit with dropout between bins: the loop of PyTorch's own cell, values and gradients."""

import pytest
import torch
from torch import nn

from neurodyn.models.parts.dropped_gru import dropped_gru


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 0, 1, 2, 3, 3, 3]])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_equals_the_loop_of_cells(order: list[int], rate: float) -> None:
    torch.manual_seed(0)
    cell = nn.GRUCell(5, 6).double()
    counts = torch.randn(3, 4, 5, dtype=torch.float64).requires_grad_()
    keep = (torch.rand(len(order), 3, 6) >= rate).double() / (1 - rate) if rate else None
    state, states = torch.zeros(3, 6, dtype=torch.float64), []
    for t, source in enumerate(order):
        state = cell(counts[:, source], state)
        if keep is not None:
            state = state * keep[t]
        states.append(state)
    expected, found = torch.stack(states), dropped_gru(counts, order, cell, keep)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    weight = torch.randn_like(expected)
    leaves = [counts, *cell.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad((found * weight).sum(), leaves), torch.autograd.grad((expected * weight).sum(), leaves)
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
