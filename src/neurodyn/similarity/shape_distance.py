"""The angle between two sets of trajectories, up to a rotation or up to any invertible linear map."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

ROTATION = 1.0
"""α that forgives a rotation and a scale only."""
LINEAR = 1e-6
"""α that forgives any invertible linear map, as published."""
SMALLEST_EIGENVALUE = 1e-7
"""Eigenvalues below count as this."""


def shape_distance(
    x: Float[Array, "sample dimension"], y: Float[Array, "other_sample other_dimension"], alpha: float = ROTATION
) -> float:
    """Angle in radians, 0 to π/2, between x and y, centred, partially whitened and optimally rotated onto each other.

    θ = arccos( ‖(X Zx)ᵀ (Y Zy)‖ / (‖X Zx‖ ‖Y Zy‖) ), the nuclear over the Frobenius norms, Z from `whitening`. The narrower one counts as if it had
    columns of zeros besides. A metric: symmetric, and it obeys the triangle inequality. What does not vary is at π/2 from everything.
    Source: Williams et al. 2021, arXiv 2110.14739.

    Args:
        x, y: the same samples seen in two spaces.
        alpha: 1 forgives rotations, reflections and a global scale; towards 0 any invertible linear map, in steps between.

    Raises:
        InvalidInput: different numbers of samples, values that are not finite, or an alpha outside [0, 1].
    """
    if len(x) != len(y):
        raise InvalidInput("y", f"{len(y)} samples", f"{len(x)}, as in x")
    if not 0 <= alpha <= 1:
        raise InvalidInput("alpha", alpha, "between 0 and 1")
    width = max(x.shape[1], y.shape[1])
    unit = []
    for name, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            raise InvalidInput(name, "values that are not finite", "finite values")
        centred = values - values.mean(0, dtype=np.float64)
        whitened = centred @ whitening(centred.T @ centred, alpha)
        norm = np.linalg.norm(whitened)
        if norm == 0:
            return float(np.pi / 2)
        unit.append(np.pad(whitened / norm, ((0, 0), (0, width - values.shape[1]))))
    apart = float(np.linalg.norm(unit[0] @ alignment(unit[0].T @ unit[1]) - unit[1]))
    return float(2 * np.arcsin(min(apart / 2, 1.0)))  # arccos loses half of the digits near 0


def whitening(products: Float[Array, "dimension dimension"], alpha: float) -> Float[Array, "dimension dimension"]:
    """Z = V diag(α + (1 − α) λ^(−1/2)) Vᵀ from the products XᵀX = V diag(λ) Vᵀ of centred X; eigenvalues below 1e-7 count as 1e-7.

    The published form also scales Z so that X keeps its total variance. An angle does not see a scale, so it is left out.
    """
    if alpha >= 1 - 1e-7:
        return np.eye(len(products))
    values, vectors = np.linalg.eigh(products)
    return np.asarray((vectors * spectral_gain(values, alpha)) @ vectors.T)


def spectral_gain(values: np.ndarray, alpha: float) -> np.ndarray:
    """What partial whitening multiplies directions by, α + (1 − α) λ^(−1/2), from the eigenvalues λ of XᵀX `(dimension,)`."""
    return np.asarray(alpha + (1 - alpha) / np.sqrt(np.maximum(values, SMALLEST_EIGENVALUE)))


def alignment(crossed: Float[Array, "dimension other_dimension"]) -> Float[Array, "dimension other_dimension"]:
    """The Q with orthonormal rows or columns that maximises tr(Qᵀ XᵀY), from the cross products XᵀY."""
    left, _, right = np.linalg.svd(crossed, full_matrices=False)
    return np.asarray(left @ right)


def angle(
    crossed: Float[Array, "*draw dimension other_dimension"],
    x_squares: Float[Array, "*draw"],
    y_squares: Float[Array, "*draw"],
) -> Float[Array, "*draw"]:
    """The distance from sums of products alone: cross products XᵀY and sums of squares ‖X‖², ‖Y‖² of centred, whitened data; for many draws at once."""
    aligned = np.linalg.svd(crossed, compute_uv=False).sum(-1)
    scale = np.sqrt(x_squares * y_squares)
    return np.asarray(np.arccos(np.clip(aligned / np.where(scale > 0, scale, 1), 0, 1)))


def dimension_floor(dimensions: int | float, other_dimensions: int | float) -> float:
    """The least distance for α towards 0 between data of so many dimensions, arccos √(d/D): whitened, every dimension counts alike.

    >>> round(dimension_floor(2, 64), 3), dimension_floor(2, 2)
    (1.393, 0.0)
    """
    few, many = min(dimensions, other_dimensions), max(dimensions, other_dimensions)
    return float(np.arccos(np.sqrt(few / many)))
