"""Canonical correlations from orthonormal directions of each activity: what CCA, SVCCA and PWCCA share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation
from neurodyn.similarity.measures._aligned import centred
from neurodyn.similarity.measures._batched import as_array


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of an activity, those that are kept: centred X = U diag(s) Vᵀ."""

    mean: Float[Array, " unit"]
    sizes: Float[Array, " component"]
    """s, the largest first."""
    directions: Float[Array, "unit component"]
    """V."""
    shrunk: Float[Array, " component"]
    """What a ridge leaves of each column of U, s / √(s² + ridge); 1 without."""

    @property
    def number(self) -> int:
        return len(self.sizes)

    @property
    def weights(self) -> Float[Array, "unit component"]:
        """What centred samples are multiplied by to give U, shrunk."""
        return np.asarray(self.directions * (self.shrunk / self.sizes))


def components(
    samples: Float[Array, "sample unit"],
    name: str,
    keep: Callable[[np.ndarray], int],
    ridge: Callable[[np.ndarray], float] | None = None,
) -> tuple[Float[Array, "sample component"], Components]:
    """Orthonormal columns U of the components that are kept, and the components.

    Args:
        samples: of an activity.
        name: of it, for messages.
        keep: how many components to keep, from all s that are more than rounding.
        ridge: what is added to s², from the s that are kept.

    Raises:
        InvalidInput: nothing varies.
    """
    less, mean, _ = centred(samples, name)
    left, sizes, right = np.linalg.svd(less, full_matrices=False)
    rounding = np.finfo(np.float64).eps * max(less.shape)
    scale = max(float(sizes[0]), np.sqrt(len(less)) * float(np.abs(mean).max()))
    sizes = sizes[sizes > rounding * scale]
    number = keep(sizes)
    sizes = sizes[:number]
    shrunk = np.ones(number) if ridge is None else sizes / np.sqrt(sizes**2 + ridge(sizes))
    return left[:, :number], Components(mean, sizes, right[:number].T, shrunk)


def components_with(share: float) -> Callable[[np.ndarray], int]:
    """How many components reach a share of the total variance, the number that `components` asks for."""

    def keep(sizes: np.ndarray) -> int:
        reached = np.cumsum(sizes**2) / np.sum(sizes**2)
        return len(sizes) if share >= 1 else min(int(np.searchsorted(reached, share)) + 1, len(sizes))

    return keep


def canonical_maps(
    products: Float[Array, "component other_component"], x: Components, y: Components, samples: int
) -> CanonicalCorrelation:
    """Maps of both activities into their common space, from UₓᵀU_y; their scores have unit variance without a ridge."""
    left, values, right = np.linalg.svd(x.shrunk[:, None] * products * y.shrunk, full_matrices=False)
    scale = np.sqrt(samples - 1)
    return CanonicalCorrelation(
        np.clip(values, 0, 1), x.weights @ left * scale, y.weights @ right.T * scale, x.mean, y.mean
    )


def with_vectors(
    products: Any, x_shrunk: Float[Array, "x component"], y_shrunk: Float[Array, "y other_component"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left vectors `(x, y, component, pair)`, singular values and right vectors `(x, y, pair, other_component)` of shrunk products of many pairs."""
    if isinstance(products, np.ndarray):
        left, values, right = np.linalg.svd(
            products * x_shrunk[:, None, :, None] * y_shrunk[None, :, None, :], full_matrices=False
        )
        return left, values, right
    import torch

    outer = [torch.from_numpy(each).to(products.device) for each in (x_shrunk, y_shrunk)]
    found = torch.linalg.svd(products * outer[0][:, None, :, None] * outer[1][None, :, None, :], full_matrices=False)
    left, values, right = (as_array(each) for each in found)
    return left, values, right


def shrunk_correlations(
    left: np.ndarray, values: np.ndarray, right: np.ndarray, x_shrunk: np.ndarray, y_shrunk: np.ndarray
) -> Float[Array, "x y component"]:
    """Correlations of the scores themselves, where a ridge makes the singular values smaller than they are."""
    x_size = np.sqrt(np.square(left * x_shrunk[:, None, :, None]).sum(-2))
    y_size = np.sqrt(np.square(right * y_shrunk[None, :, None, :]).sum(-1))
    return np.asarray(values / np.where(x_size * y_size > 0, x_size * y_size, 1))


def mean_correlation(correlations: Float[Array, "*pair component"], squared: bool) -> np.ndarray:
    """Mean of correlations, or of their squares with their signs."""
    kept = np.clip(correlations, -1, 1)
    return np.asarray((np.sign(kept) * kept**2 if squared else kept).mean(-1))
