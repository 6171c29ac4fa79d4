"""Cheap dropout masks have the right values, mean and independence."""

import pytest
import torch

from neurodyn.models.parts.masks import keep_mask


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_values_and_mean(rate: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask((501, 1003), rate)
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / (1 - rate)).item()}
    assert (mask == 0).double().mean().item() == pytest.approx(rate, abs=3 * (rate / 5e5) ** 0.5 + 2e-5)


@pytest.mark.parametrize("rate", [0.0, 1e-6])
def test_a_rate_below_the_resolution_drops_nothing(rate: float) -> None:
    assert keep_mask((30, 7), rate).min() == pytest.approx(1)


def test_neighbours_are_independent_and_seeds_repeat() -> None:
    torch.manual_seed(0)
    mask = (keep_mask((400_000,), 0.5) > 0).double()
    for gap in (1, 2, 3, 4):
        assert abs(torch.corrcoef(torch.stack([mask[gap:], mask[:-gap]]))[0, 1]) < 0.01
    drawn = [keep_mask((7, 9), 0.3, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn)
