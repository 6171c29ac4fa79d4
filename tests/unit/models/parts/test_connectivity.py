"""Constraints of recurrent weights: which exist, and with what sign."""

from __future__ import annotations

import pytest
import torch

from neurodyn.errors import InvalidInput
from neurodyn.models.parts.connectivity import Connectivity
from neurodyn.models.task_rnn import TaskRNNConfig


def made(**config: object) -> tuple[Connectivity, torch.Tensor, torch.Tensor]:
    """The constraints, the weights as they start and as activity passes through them."""
    torch.manual_seed(0)
    given = TaskRNNConfig(units=60, **config)  # type: ignore[arg-type]
    found = Connectivity(given)
    start = found.start(torch.randn(60, 60) / 60**0.5, given)
    return found, start, found(start)


def test_without_constraints_weights_are_as_they_are() -> None:
    found, start, weights = made()
    assert weights is start and found.signs is None and found.types is None and not found.state_dict()


def test_sparse_weights_keep_their_variance() -> None:
    found, _, weights = made(density=0.3)
    there = weights != 0
    assert there.float().mean() == pytest.approx(0.3, abs=0.03)
    assert (weights * 60**0.5)[there].var() == pytest.approx(1 / 0.3, rel=0.1)
    assert "signs" in found.state_dict()  # a run that is loaded has the same connections


def test_dales_law() -> None:
    _, start, weights = made(dale=True)
    assert (weights[:, :48] >= 0).all() and (weights[:, 48:] <= 0).all() and (weights.diagonal() == 0).all()
    torch.testing.assert_close(weights.abs(), start.abs().fill_diagonal_(0))
    excited, inhibited = weights[:, :48].sum(1).mean(), -weights[:, 48:].sum(1).mean()
    assert float(excited) == pytest.approx(float(inhibited), rel=0.2)  # four times as many, a quarter as strong


def test_cell_types_are_connected_in_blocks() -> None:
    found, start, _ = made(dale=True, cell_types=3)
    assert found.types is not None
    assert found.types.unique().tolist() == list(range(6))
    assert found.types[:48].max() == 2 and found.types[48:].min() == 3
    blocks = [start[found.types == a][:, found.types == b] for a in range(6) for b in range(6)]
    full = [bool((block != 0).all()) for block in blocks]
    assert all(kept or not block.any() for kept, block in zip(full, blocks)) and 5 < sum(full) < 31
    torch.testing.assert_close(start.abs().sum(1)[start.any(1)], torch.ones(int(start.any(1).sum())))


def test_gradients_pass_through_the_constraints() -> None:
    found, start, _ = made(dale=True, density=0.5)
    start = start.detach().requires_grad_()
    found(start).sum().backward()
    assert found.signs is not None and start.grad is not None
    torch.testing.assert_close(start.grad, start.detach().sign() * found.signs)


def test_options_are_checked() -> None:
    for wrong in (
        {"cell_types": 2},
        {"density": 0.0},
        {"dale": True, "cell_types": 40},
        {"density": 0.5, "released_seed": 1},
    ):
        with pytest.raises(InvalidInput):
            TaskRNNConfig(units=60, **wrong)  # type: ignore[arg-type]
