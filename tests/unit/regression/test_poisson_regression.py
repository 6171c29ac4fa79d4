"""Poisson regression: against scikit-learn, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor

from neurodyn.regression.poisson import Rows, fit_validated, poisson_path


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
