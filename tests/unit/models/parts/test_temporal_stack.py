"""Convolutions over time that neither padding nor a trial's length changes."""

from __future__ import annotations

import pytest
import torch

from neurodyn.models.parts.temporal_stack import TemporalStack


def stack(kernels: tuple[int, ...] = (1, 5, 3)) -> TemporalStack:
    torch.manual_seed(0)
    return TemporalStack(4, 6, kernels, 2).eval()


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (3, 4)])
@torch.no_grad()
def test_a_padded_trial_gives_what_the_trial_alone_does(before: int, after: int) -> None:
    values = torch.randn(3, 9, 4)
    padded = torch.nn.functional.pad(values, (0, 0, before, after), value=8.0)
    mask = torch.nn.functional.pad(torch.ones(3, 9, dtype=torch.bool), (before, after), value=False)
    found = stack()(padded, mask)[:, before : before + 9]
    torch.testing.assert_close(found, stack()(values), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_bin_reaches_as_far_as_the_kernels_say_and_trials_are_apart() -> None:
    values = torch.randn(2, 20, 4)
    other = values.clone()
    other[0, 10] += 1
    moved = (stack()(values) - stack()(other)).abs().sum(2) > 0
    assert moved[0].nonzero().flatten().tolist() == list(range(7, 14))  # 2 + 1 bins on either side
    assert not moved[1].any()


def test_whole_trials_need_no_mask() -> None:
    values = torch.randn(2, 7, 4)
    made = stack()
    assert torch.equal(made(values), made(values, torch.ones(2, 7, dtype=torch.bool)))
