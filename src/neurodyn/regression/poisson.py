"""Poisson regression of many outputs on the same features, its ridge chosen on validation rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

PENALTIES: tuple[float, ...] = tuple(float(10**e) for e in np.arange(3.5, -1, -0.5))
"""Ridge penalties from strong (the mean rate) to weak, relative to the variance of the leading principal component."""
FINAL_TOLERANCE = 1e-7
"""Relative tolerance of the optimiser for weights that are kept."""
SEARCH_TOLERANCE = 1e-5
"""Relative tolerance of the optimiser for fits that are only compared with each other."""
_LARGEST_EXPONENT = 15.0


@dataclass(frozen=True)
class Rows:
    """Rows of a regression: features, counts, and a known part of the log rate."""

    x: Float[Array, "row feature"]
    y: Float[Array, "row output"]
    offset: Float[Array, "row _"] | None = None

    def log_rates(self, fit: Fit) -> np.ndarray:
        """What a fit predicts, `(row, output)`."""
        log_rates = self.x @ fit.weights + fit.bias
        return np.asarray(log_rates if self.offset is None else log_rates + self.offset)

    def log_likelihood(self, fit: Fit) -> float:
        """Mean over entries of y η − exp η, in nats; minus infinity without rows."""
        if self.y.size == 0:
            return -np.inf
        log_rates = np.minimum(self.log_rates(fit), _LARGEST_EXPONENT)
        return float((self.y * log_rates - np.exp(log_rates)).mean(dtype=np.float64))


@dataclass(frozen=True)
class Fit:
    """log rate = x W + b (+ offset)."""

    weights: Float[Array, "feature output"]
    bias: Float[Array, " output"]
    penalty: float
    """Ridge, relative to the variance of the leading principal component."""
    score: float
    """Mean log likelihood of the validation rows."""


def fit_validated(
    train: Rows,
    valid: Rows,
    *,
    components: int | None = None,
    penalties: Sequence[float] = PENALTIES,
    tolerance: float = FINAL_TOLERANCE,
) -> Fit:
    """Poisson regression on the leading principal components of the features, the ridge chosen on the validation rows.

    The path runs from strong to weak penalties, each warm-started from the one before, and stops when the validation rows are predicted worse. Without
    validation rows the strongest penalty is kept.

    Args:
        train, valid: what weights are fitted to, and what the penalty is chosen on.
        components: principal components that enter, all by default.
        penalties: relative ones, from strong to weak.
        tolerance: of the optimiser, see `poisson_path`.

    Raises:
        InvalidInput: no training row.
    """
    if not len(train.x):
        raise InvalidInput(
            "counts",
            "no bin of a training trial in which every unit to predict was recorded",
            "some such bins",
            "Leave out units or bins that are seldom recorded.",
        )
    mean = train.x.mean(0)
    centred = train.x - mean
    values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = vectors[:, ::-1][:, :components].astype(np.float32)
    unit = max(float(values[-1]) / len(centred), 1e-12)
    projected = Rows(centred @ axes, train.y, train.offset)
    best: Fit | None = None
    path = poisson_path(projected, [p * unit for p in penalties], tolerance)
    for relative, (_, weights, bias) in zip(penalties, path):
        weights = axes @ weights
        fit = Fit(weights, bias - mean @ weights, relative, 0.0)
        fit = dataclasses.replace(fit, score=valid.log_likelihood(fit))
        if best is not None and fit.score <= best.score:
            break
        best = fit
    assert best is not None
    return best


def penalties_near(penalty: float) -> tuple[float, ...]:
    """The path of penalties from one step stronger than a given one, when its size is already known."""
    return PENALTIES[max(PENALTIES.index(penalty) - 1, 0) :]


def poisson_path(
    rows: Rows, penalties: Sequence[float], tolerance: float = FINAL_TOLERANCE
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Minimises Σ exp(η) − yη + ½ λ‖W‖², η = x W + b + offset, for one λ after the other; yields (λ, W, b).

    L-BFGS on all outputs at once with the analytic gradient. The features must be centred and uncorrelated (principal components): then the Hessian at
    the mean rate is diagonal, and scaling by it leaves little curvature to learn. It stops when a step lowers the loss by less than `tolerance`, relative
    to the loss.
    """
    from scipy.optimize import minimize

    x, y, offset = np.ascontiguousarray(rows.x, np.float32), rows.y.astype(np.float32), rows.offset
    n, features = x.shape
    outputs = y.shape[1]
    total = y.sum(0, dtype=np.float64)
    expected = np.maximum(total, 0.5)  # a silent output counts as half a spike, so that its log rate is finite
    crossed = (x.T @ y).astype(np.float64)
    exposure = float(n) if offset is None else np.exp(offset.astype(np.float64)).sum(0)
    bias = np.broadcast_to(np.log(expected / exposure), (outputs,)).copy()
    weights = np.zeros((features, outputs))
    curvature = np.square(x).sum(0, dtype=np.float64)[:, None] * (expected / n)
    bias_scale = 1 / np.sqrt(expected)

    for penalty in penalties:
        scale = 1 / np.sqrt(curvature + penalty)

        def loss(flat: np.ndarray, penalty: float = penalty, scale: np.ndarray = scale) -> tuple[float, np.ndarray]:
            w, b = flat[:-outputs].reshape(features, outputs) * scale, flat[-outputs:] * bias_scale
            rates = x @ w.astype(np.float32)
            rates += b.astype(np.float32)
            if offset is not None:
                rates += offset
            np.minimum(rates, _LARGEST_EXPONENT, out=rates)
            np.exp(rates, out=rates)
            sums = rates.sum(0, dtype=np.float64)
            value = sums.sum() - (w * crossed).sum() - b @ total + 0.5 * penalty * np.square(w).sum()
            gradient = (x.T @ rates - crossed + penalty * w) * scale
            return float(value), np.concatenate([gradient.ravel(), (sums - total) * bias_scale])

        start = np.concatenate([(weights / scale).ravel(), bias / bias_scale])
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100, "ftol": tolerance, "maxcor": 8}
        )
        weights, bias = found.x[:-outputs].reshape(features, outputs) * scale, found.x[-outputs:] * bias_scale
        yield penalty, weights.astype(np.float32), bias.astype(np.float32)
