"""Smoothing and thinning of spike counts, the parts of the linear baselines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurodyn.models.parts.kernel_smoothing import smoothed_rates
from neurodyn.models.parts.spike_counts import thinned


def test_smoothing_keeps_a_constant_and_falls_back_to_the_mean() -> None:
    counts, mean = torch.full((2, 10, 3), 4.0), torch.tensor([1.0, 2.0, 3.0])
    mask = torch.ones(2, 10, dtype=torch.bool)
    mask[1, 3:] = False
    rates = smoothed_rates(counts * mask[..., None], mask, mean, 2.0, 1e-6, bins=60)
    torch.testing.assert_close(rates[:, :3], torch.full((2, 3, 3), 4.0))
    torch.testing.assert_close(rates[:, -1], mean.expand(2, -1))


def test_causal_smoothing_reads_no_future() -> None:
    counts = torch.poisson(torch.full((2, 10, 3), 1.0))
    mask, mean = torch.ones(2, 10, dtype=torch.bool), torch.ones(3)
    before = smoothed_rates(counts, mask, mean, 3.0, 0.5, causal=True)
    counts[:, 6:] += 5
    torch.testing.assert_close(smoothed_rates(counts, mask, mean, 3.0, 0.5, causal=True)[:, :6], before[:, :6])


def test_smoothing_equals_the_sum_it_stands_for() -> None:
    counts, mean = torch.poisson(torch.full((1, 8, 1), 1.0)), torch.tensor([0.7])
    rates = smoothed_rates(counts, torch.ones(1, 8, dtype=torch.bool), mean, 1.5, 2.0)
    k = [np.exp(-((3 - s) ** 2) / (2 * 1.5**2)) for s in range(8)]
    expected = (sum(a * float(counts[0, s, 0]) for s, a in enumerate(k)) + 2 * 0.7) / (sum(k) + 2)
    assert float(rates[0, 3, 0]) == pytest.approx(expected, rel=1e-5)


def test_thinned_hands_add_up_and_are_even() -> None:
    counts = torch.poisson(torch.full((50, 20, 10), 3.0), generator=torch.Generator().manual_seed(0))
    hands = thinned(counts, 4, seed=1)
    torch.testing.assert_close(hands.sum(0), counts)
    shares = hands.sum((1, 2, 3)) / counts.sum()
    assert float((shares - 0.25).abs().max()) < 0.01
    first, rest = hands[0].flatten().numpy(), (counts - hands[0]).flatten().numpy()
    assert abs(np.corrcoef(first, rest)[0, 1]) < 0.03
