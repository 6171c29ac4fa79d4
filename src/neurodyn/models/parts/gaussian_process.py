"""Squared-exponential Gaussian processes on a grid of bins: their covariance, a thin factor of it, and their timescales from second moments."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Float

NOISE = 1e-3
"""Share ε of the unit variance that is independent from bin to bin; it keeps the covariance invertible."""
_SHORTEST = 0.1
_RESIDUAL = 1e-12
_LONGEST_STEP = 0.5


def smooth_covariance(timescale: np.ndarray, bins: int) -> Float[Array, "latent time time"]:
    """(1 − ε) exp(−(t − s)² / 2τ²), the process without its independent part.

    Args:
        timescale: τ of each latent, in bins, `(latent,)`.
        bins: length of the grid.
    """
    squared = np.square(np.subtract.outer(np.arange(bins), np.arange(bins)))
    return (1 - NOISE) * np.exp(-squared / (2 * np.square(timescale)[:, None, None]))


def thin_factor(timescale: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """F `(time, column)` and the latent each column belongs to, `(column,)`: F_i F_iᵀ is the smooth covariance of latent i up to 1e-12 an entry.

    Pivoted Cholesky: a process that is slow beside the bin has a handful of columns instead of one a bin.
    """
    from scipy.linalg.lapack import dpstrf

    columns, owners = [], []
    for i, covariance in enumerate(smooth_covariance(timescale, bins)):
        lower, pivots, rank, _ = dpstrf(covariance, tol=_RESIDUAL, lower=1)
        factor = np.empty((bins, rank))
        factor[pivots - 1] = np.tril(lower)[:, :rank]
        columns.append(factor)
        owners.append(np.full(rank, i))
    return np.concatenate(columns, 1), np.concatenate(owners)


def _objective(timescale: np.ndarray, moments: np.ndarray, trials: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """−½ (N ln|K| + tr K⁻¹P) of each latent, K⁻¹ `(latent, time, time)` and the smooth part of K."""
    smooth = smooth_covariance(timescale, moments.shape[1])
    covariance = smooth + NOISE * np.eye(moments.shape[1])
    inverse = np.linalg.inv(covariance)
    value = -0.5 * (trials * np.linalg.slogdet(covariance)[1] + (inverse * moments).sum((1, 2)))
    return value, inverse, smooth


def better_timescales(
    timescale: np.ndarray,
    moments: Float[Array, "latent time time"],
    spread: Float[Array, "latent time time"],
    trials: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Two proposals from what EM knows of the latents' courses, each a step of Fisher scoring in ln τ, latent by latent.

    The bold one uses the information in the activity, I = ½ N tr (K' E)², E = K⁻¹ − K⁻¹ V K⁻¹, V the mean posterior covariance of a course. The careful one uses
    that in the courses as if they had been seen, E = K⁻¹, and is halved until the expected log likelihood is no lower: it never lowers the likelihood, but is
    smaller by orders of magnitude, since a course is known far better than its timescale.

    Args:
        timescale: τ now, in bins, `(latent,)`.
        moments: P, sum over trials of E[x xᵀ] of each latent's course.
        spread: sum over trials of its posterior covariance.
        trials: N, how many were summed.
    """
    bins = moments.shape[1]
    squared = np.square(np.subtract.outer(np.arange(bins), np.arange(bins)))
    before, inverse, smooth = _objective(timescale, moments, trials)
    slope = smooth * squared / np.square(timescale)[:, None, None]
    ratio = slope @ inverse
    gradient = 0.5 * (((inverse @ ratio) * moments).sum((1, 2)) - trials * np.trace(ratio, axis1=1, axis2=2))
    known = ratio - ratio @ (spread / trials) @ inverse

    def step(ratio: np.ndarray) -> np.ndarray:
        information = 0.5 * trials * (ratio * ratio.transpose(0, 2, 1)).sum((1, 2))
        return np.asarray(np.clip(gradient / np.maximum(information, 1e-9), -_LONGEST_STEP, _LONGEST_STEP))

    def moved(which: np.ndarray, by: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(timescale[which] * np.exp(by), _SHORTEST, 10.0 * bins))

    careful, left, small = np.array(timescale), np.arange(len(timescale)), step(ratio)
    for _ in range(5):
        tried = moved(left, small[left])
        better = _objective(tried, moments[left], trials)[0] >= before[left]
        careful[left[better]] = tried[better]
        left = left[~better]
        if not len(left):
            break
        small /= 4
    return moved(np.arange(len(timescale)), step(known)), careful
