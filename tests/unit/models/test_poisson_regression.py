"""The regression behind the linear baselines: against scikit-learn, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import PoissonRegressor

from neurodyn.models.parts.kernel_smoothing import smoothed_rates
from neurodyn.models.parts.poisson_regression import Rows, fit_validated, poisson_path
from neurodyn.models.parts.spike_counts import thinned


def problem(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 5)) * [3, 1, 1, 0.5, 0.2]
    weights = 0.3 * generator.normal(size=(5, 3))
    return x.astype(np.float32), generator.poisson(np.exp(x @ weights - 1)).astype(np.float32)


def test_equals_scikit_learn() -> None:
    x, y = problem()
    x -= x.mean(0)
    x = (x @ np.linalg.svd(x, full_matrices=False)[2].T).astype(np.float32)
    for penalty, weights, bias in poisson_path(Rows(x, y), [100.0, 1.0]):
        for output in range(3):
            peer = PoissonRegressor(alpha=penalty / len(x), tol=1e-10, max_iter=1000).fit(x, y[:, output])
            np.testing.assert_allclose(weights[:, output], peer.coef_, atol=3e-3)
            assert bias[output] == pytest.approx(peer.intercept_, abs=3e-3)


def test_an_offset_is_a_known_part_of_the_log_rate() -> None:
    x, y = problem()
    plain = fit_validated(Rows(x, y), Rows(x, y))
    moved = fit_validated(
        Rows(x, y, np.full((len(x), 1), 0.7, np.float32)), Rows(x, y, np.full((len(x), 1), 0.7, np.float32))
    )
    np.testing.assert_allclose(moved.bias + 0.7, plain.bias, atol=2e-3)
    np.testing.assert_allclose(moved.weights, plain.weights, atol=2e-3)


def test_noise_features_are_shrunk_to_the_mean() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(60, 40)).astype(np.float32), generator.poisson(0.3, (60, 4)).astype(np.float32)
    held = Rows(
        generator.normal(size=(500, 40)).astype(np.float32), generator.poisson(0.3, (500, 4)).astype(np.float32)
    )
    fit = fit_validated(Rows(x, y), held)
    assert np.abs(fit.weights).max() < 0.05
    assert fit.penalty > 100


def test_without_validation_rows_the_strongest_penalty_is_kept() -> None:
    x, y = problem()
    fit = fit_validated(Rows(x, y), Rows(x[:0], y[:0]))
    assert fit.penalty == pytest.approx(10**3.5)


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
