"""The readouts of the benchmark's published baselines, as they were fitted."""

from __future__ import annotations

import warnings

import numpy as np

from neurodyn.shapes import Array, Float

RATE_FLOOR = 1e-9
"""Least rate, in expected counts per bin."""
RATE_CEILING = 1e20
"""Largest rate: a readout without penalty can run away on unseen trials."""
_MOST_STEPS = (500, 2500, 12500)


def fit_linear_readout(
    x: Float[Array, "row feature"], y: Float[Array, "row output"], alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(feature, output)` and bias that minimise ‖Y − XW − b‖² + α‖W‖²."""
    from sklearn.linear_model import Ridge

    found = Ridge(alpha=alpha).fit(x, y)
    return found.coef_.reshape(-1, x.shape[1]).T, found.intercept_


def fit_poisson_readout(
    x: Float[Array, "row feature"], y: Float[Array, "row output"], alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(feature, output)` and bias of log rate = x W + b, one regression an output.

    Each minimises mean(exp η − y η) + ½ α‖w‖² from zero weights by L-BFGS until no slope exceeds 1e-4, scikit-learn's rule; a fit that runs out of steps is made anew
    with five times as many, at most 12500. The published scores are of weights stopped so, which are some way from the optimum. An output without a spike gets the
    least rate.

    Args:
        x, y: rows of features and counts.
        alpha: α.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import PoissonRegressor

    weights = np.zeros((x.shape[1], y.shape[1]))
    bias = np.full(y.shape[1], np.log(RATE_FLOOR))
    for output in np.flatnonzero(y.sum(0) > 0):
        for steps in _MOST_STEPS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                found = PoissonRegressor(alpha=alpha, max_iter=steps).fit(x, y[:, output])
            if found.n_iter_ < steps:
                break
        weights[:, output], bias[output] = found.coef_, found.intercept_
    return weights, bias
