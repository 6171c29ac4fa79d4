"""The two regressions of residual dynamics: a past that knows nothing of a bin's observation noise, then the step from bin to bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.dynamics.residual_moments import LaggedMoments
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_SINGULAR = 1e-12
"""Eigenvalues of a past below this share of the largest count as none."""


@dataclass(frozen=True, eq=False)
class FirstStage:
    """x_t ≈ βᵀ past for each bin, under each weighting of the trials."""

    lags: int
    weights: Float[Array, "draw bin past dimension"]
    """β."""
    strength: Float[Array, "draw bin"]
    """Share of the variance of x_t that its past explains: an instrument near 0 is weak."""


def first_stage(moments: LaggedMoments, lags: int) -> FirstStage:
    """Least squares of x_t on (x_{t−1} ... x_{t−l}), without an intercept, for t = l ... T−2.

    Raises:
        InvalidInput: pasts that do not have full rank.
    """
    own, now, _, _ = moments.past(lags)
    values = np.linalg.eigvalsh(own)
    rank = (values > _SINGULAR * np.maximum(values[..., -1:], np.finfo(float).tiny)).sum(-1)
    if rank.min() < own.shape[-1]:
        bin_ = int(rank.min(0).argmin()) + lags
        raise InvalidInput(
            "activity",
            f"a past of rank {rank.min()} instead of {own.shape[-1]} before bin {bin_}: a singular instrument",
            "deviations in every dimension at every lag",
            "Leave out constant or repeated dimensions, choose fewer dimensions or lags, or add a little noise (jitter).",
        )
    weights = np.linalg.solve(own, now)
    total = np.trace(moments.present(lags)[0], axis1=-2, axis2=-1)
    explained = np.einsum("...pd,...pd->...", weights, now)
    return FirstStage(lags, weights, explained / np.maximum(total, np.finfo(float).tiny))


def second_stage(moments: LaggedMoments, first: FirstStage, smoothness: float) -> Float[Array, "draw bin out in"]:
    """Minimises Σ_t ‖x_{t+1} − A_t x̂_t‖² + α Σ_t ‖A_{t+1} − A_t‖² with x̂ = βᵀ past, for t = l ... T−2."""
    own, _, ahead, trials = moments.past(first.lags)
    fitted = first.weights.swapaxes(-1, -2)
    return smooth_operators(fitted @ own @ first.weights, fitted @ ahead, trials, smoothness)


def plain_regression(moments: LaggedMoments, lags: int, smoothness: float) -> Float[Array, "draw bin out in"]:
    """The same with x_t itself in place of x̂_t: ordinary least squares, which observation noise attenuates."""
    own, ahead, _ = moments.present(lags)
    return smooth_operators(own, ahead, moments.trials[:, lags + 1, lags + 1 :], smoothness)


def second_stage_error(moments: LaggedMoments, first: FirstStage, operators: Float[Array, "draw bin out in"]) -> Array:
    """Mean of ‖x_{t+1} − A_t x̂_t‖² over trials and bins `(draw,)`, by the moments of other trials than those it was fitted on."""
    own, _, ahead, _ = moments.past(first.lags)
    after = moments.present(first.lags)[2]
    predict = operators @ first.weights.swapaxes(-1, -2)  # past to x_{t+1}
    total = np.trace(after, axis1=-2, axis2=-1) - 2 * np.einsum("...dp,...pd->...", predict, ahead)
    return np.asarray((total + np.einsum("...dp,...pq,...dq->...", predict, own, predict)).mean(1))


def smooth_operators(own: Array, ahead: Array, trials: Array, smoothness: float) -> Float[Array, "draw bin out in"]:
    """Solves n_t Q_t A_tᵀ + α (2 A_t − A_{t−1} − A_{t+1})ᵀ = n_t R_t for all t: block-tridiagonal, by block elimination for all draws at once.

    Args:
        own: Q_t, `(draw, bin, d, d)`.
        ahead: R_t = mean of x̂_t x_{t+1}ᵀ, the same shape.
        trials: n_t, `(draw, bin)`.
        smoothness: α.

    Raises:
        InvalidInput: without smoothing, x̂ that does not have full rank.
    """
    bins, size = own.shape[1:3]
    count = trials[..., None, None]
    neighbours = np.full(bins, 2.0)
    neighbours[[0, -1]] = 1.0 if bins > 1 else 0.0
    diagonal = count * own + smoothness * neighbours[:, None, None] * np.eye(size)
    right = count * ahead
    if smoothness == 0:
        if (np.linalg.matrix_rank(own, hermitian=True, tol=None) < size).any():
            raise InvalidInput(
                "smoothness",
                0,
                "above 0 where the past predicts fewer dimensions than there are",
                "Or lower dimension.",
            )
        return np.asarray(np.linalg.solve(diagonal, right).swapaxes(-1, -2))
    # Forward: eliminate A_{t−1}; the off-diagonal blocks are −α I.
    slopes, shifts = np.empty_like(diagonal), np.empty_like(right)
    for t in range(bins):
        block, rest = diagonal[:, t], right[:, t]
        if t:
            block = block - smoothness * slopes[:, t - 1]
            rest = rest + smoothness * shifts[:, t - 1]
        solved = np.linalg.solve(
            block, np.concatenate([np.broadcast_to(smoothness * np.eye(size), block.shape), rest], 2)
        )
        slopes[:, t], shifts[:, t] = solved[..., :size], solved[..., size:]
    found = np.empty_like(right)
    found[:, -1] = shifts[:, -1]
    for t in range(bins - 2, -1, -1):
        found[:, t] = shifts[:, t] + slopes[:, t] @ found[:, t + 1]
    return np.asarray(found.swapaxes(-1, -2))
