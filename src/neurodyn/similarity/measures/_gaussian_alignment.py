"""The rotation that brings two sets of Gaussians closest, and how far they stay apart.

Source: Duong et al. 2023, arXiv 2211.11665.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodyn.shapes import Array, Float

_BLOCK_ENTRIES = 4_000_000
"""Numbers of covariances that are rotated at a time."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Means and covariances of cells, which belong to the cells of another set by their order."""

    means: Float[Array, "cell dimension"]
    roots: Float[Array, "cell dimension dimension"]
    """Any L with L Lᵀ the covariance."""

    def padded(self, width: int) -> Gaussians:
        """In more dimensions, in which nothing varies."""
        spare = width - self.means.shape[1]
        return Gaussians(np.pad(self.means, ((0, 0), (0, spare))), np.pad(self.roots, ((0, 0), (0, spare), (0, spare))))

    def size(self, covariance_weight: float) -> float:
        """Squared distance from nothing, mean over cells."""
        return float(
            ((2 - covariance_weight) * (self.means**2).sum() + covariance_weight * (self.roots**2).sum())
            / len(self.means)
        )


def squared_distance(
    x: Gaussians, y: Gaussians, rotation: Float[Array, "dimension dimension"], covariance_weight: float
) -> float:
    """Mean over cells of (2 − a) ‖μ − Q ν‖² + a Bures²(Σ, Q Γ Qᵀ)."""
    return _step(x, y, rotation, covariance_weight)[0]


def align(
    x: Gaussians, y: Gaussians, covariance_weight: float, *, starts: int, seed: int, iterations: int = 1000
) -> Float[Array, "dimension dimension"]:
    """The Q that minimises `squared_distance`, by alternating minimisation from several starts.

    Bures²(Σ, Q Γ Qᵀ) is the least ‖S − Q G O‖² over orthogonal O, where S, G are roots. So Q, given all O, is one orthogonal Procrustes problem of
    means and roots together, and each O, given Q, one of its own: neither step can go up. The minimum is local; the best start is kept.

    Args:
        x, y: in as many dimensions and cells.
        covariance_weight: a, 0 to 2. At 0 the means' Procrustes rotation is the answer.
        starts: at least 1. The first is the means' Procrustes rotation, the second brings principal axes together, the others are drawn relative to these axes, each
            with its reverse, so that y against x starts from the same.
        seed: of those draws.
        iterations: at most, from the best start.
    """
    rotation = _polar(x.means.T @ y.means)
    if covariance_weight == 0:
        return rotation
    found = [_descended(x, y, start, covariance_weight, 1e-4, 30) for start in _starts(x, y, rotation, starts, seed)]
    best = min(found, key=lambda each: each[1])[0]
    return _descended(x, y, best, covariance_weight, 1e-10, iterations)[0]


def _starts(x: Gaussians, y: Gaussians, first: np.ndarray, number: int, seed: int) -> Iterator[np.ndarray]:
    yield first
    if number == 1:
        return
    to_x, to_y = _axes(x), _axes(y)
    yield to_x @ to_y.T
    generator = np.random.default_rng(seed)
    for _ in range(2, number, 2):
        drawn = _polar(generator.standard_normal(first.shape))
        yield to_x @ drawn @ to_y.T
        yield to_x @ drawn.T @ to_y.T


def _axes(gaussians: Gaussians) -> np.ndarray:
    """Principal axes of all that varies, in columns, the largest last, each in the direction in which the means are skewed: the same however they are rotated."""
    covariances = np.einsum("kij,klj->il", gaussians.roots, gaussians.roots)
    axes = np.linalg.eigh(gaussians.means.T @ gaussians.means + covariances)[1]
    return np.asarray(axes * np.where(((gaussians.means @ axes) ** 3).sum(0) < 0, -1.0, 1.0))


def _descended(
    x: Gaussians, y: Gaussians, rotation: np.ndarray, weight: float, tolerance: float, iterations: int
) -> tuple[np.ndarray, float]:
    """Where the steps lead to, and the squared distance there."""
    nothing = 1e-28 * (x.size(weight) + y.size(weight))
    value, after = _step(x, y, rotation, weight)
    for _ in range(iterations):
        lower, then = _step(x, y, after, weight)
        if lower > value:  # rounding
            break
        done = value - lower <= tolerance * lower or lower <= nothing
        rotation, value, after = after, lower, then
        if done:
            break
    return rotation, value


def _step(x: Gaussians, y: Gaussians, rotation: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
    """The squared distance under a rotation, and the rotation after it."""
    apart = x.means - y.means @ rotation.T
    total = (2 - weight) * (apart**2).sum()
    target = (2 - weight) * (x.means.T @ y.means)
    block = max(1, _BLOCK_ENTRIES // rotation.size) if weight else 1
    for first in range(0, len(x.means) if weight else 0, block):
        one, other = x.roots[first : first + block], y.roots[first : first + block]
        turned = rotation @ other
        own = _polar(turned.swapaxes(-1, -2) @ one)
        total += weight * ((one - turned @ own) ** 2).sum()
        target += weight * np.einsum("kij,klj->il", one, other @ own, optimize=True)
    return float(total) / len(x.means), _polar(target)


def _polar(matrix: np.ndarray) -> np.ndarray:
    """The orthogonal matrix closest to a square one (or to each of many)."""
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
