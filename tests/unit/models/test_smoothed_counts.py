"""Smoothing and thinning of spike counts, the parts of the linear baselines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.models.parts.kernel_smoothing import smoothed_rates
from neurodyn.models.parts.spike_counts import recorded, thinned


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


def test_every_unit_is_averaged_over_its_own_recorded_bins() -> None:
    generator = torch.Generator().manual_seed(0)
    counts, mean = torch.poisson(torch.full((2, 8, 3), 2.0), generator=generator), torch.tensor([0.7, 1.0, 2.0])
    known = torch.rand(counts.shape, generator=generator) < 0.6
    rates = smoothed_rates(counts * known, known, mean, 1.5, 0.5, bins=10)
    kernel = torch.tensor([[np.exp(-((t - s) ** 2) / (2 * 1.5**2)) for s in range(8)] for t in range(10)])
    for trial, unit in np.ndindex(2, 3):
        weights = kernel[:, known[trial, :, unit]].float()
        seen = counts[trial, known[trial, :, unit], unit]
        expected = (weights @ seen + 0.5 * mean[unit]) / (weights.sum(1) + 0.5)
        torch.testing.assert_close(rates[trial, :, unit], expected)
    of_all = known[..., 0]
    each = of_all[..., None].expand(2, 8, 3)
    torch.testing.assert_close(
        smoothed_rates(counts * each, each, mean, 1.5, 0.5), smoothed_rates(counts * each, of_all, mean, 1.5, 0.5)
    )


def test_recorded_entries_are_told_apart_only_where_units_differ() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (4, 6, 5)).astype(float)
    whole = Trials.from_arrays(counts, bin_s=0.02, heldin=[0, 2, 4])
    assert recorded(Batch.of(whole).observed).shape == (4, 6)
    counts[1, 3, 2] = np.nan
    part = Trials.from_arrays(counts, bin_s=0.02, heldin=[0, 2, 4], nan="unknown")
    assert (~recorded(Batch.of(part).observed)).nonzero().tolist() == [[1, 3, 1]]


def test_thinned_hands_add_up_and_are_even() -> None:
    counts = torch.poisson(torch.full((50, 20, 10), 3.0), generator=torch.Generator().manual_seed(0))
    hands = thinned(counts, 4, seed=1)
    torch.testing.assert_close(hands.sum(0), counts)
    shares = hands.sum((1, 2, 3)) / counts.sum()
    assert float((shares - 0.25).abs().max()) < 0.01
    first, rest = hands[0].flatten().numpy(), (counts - hands[0]).flatten().numpy()
    assert abs(np.corrcoef(first, rest)[0, 1]) < 0.03
