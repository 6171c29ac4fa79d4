"""Canonical correlation analysis: the directions of two spaces along which the same samples correlate best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float

SUMMARY_COMPONENTS = 4
"""So many first correlations are averaged into one number, as published."""


@dataclass(frozen=True)
class CanonicalCorrelation:
    """Two linear maps into one space, fitted to some rows and applied to any.

    Columns are centred; Qx Rx and Qy Ry are their rank-revealing QR decompositions, and Qxᵀ Qy = L diag(r) Mᵀ. Then A = Rx⁻¹ L √(n − 1),
    B = Ry⁻¹ M √(n − 1), and the scores (x − mean) A, (y − mean) B have unit variance and are uncorrelated across components.
    Source: Björck and Golub 1973, doi:10.1090/S0025-5718-1973-0348991-3, as used in Safaie et al. 2023, doi:10.1038/s41586-023-06714-0.
    """

    correlations: Float[Array, " component"]
    """The r on the rows it was fitted to, within [0, 1], the largest first; as many as the smaller rank."""
    x_weights: Float[Array, "dimension component"]
    """A. Rows of columns that add no rank are zero."""
    y_weights: Float[Array, "other_dimension component"]
    """B."""
    x_mean: Float[Array, " dimension"]
    y_mean: Float[Array, " other_dimension"]

    @staticmethod
    def fit(x: Float[Array, "row dimension"], y: Float[Array, "row other_dimension"]) -> CanonicalCorrelation:
        """From rows that belong together.

        Raises:
            InvalidInput: different numbers of rows, fewer than two, values that are not finite, or a side that does not vary.
        """
        x_mean, x_basis, x_inverse = _basis("x", x)
        y_mean, y_basis, y_inverse = _basis("y", y)
        if len(x) != len(y):
            raise InvalidInput("y", f"{len(y)} rows", f"{len(x)}, as in x")
        left, r, right = np.linalg.svd(x_basis.T @ y_basis, full_matrices=False)
        scale = np.sqrt(len(x) - 1)
        return CanonicalCorrelation(
            np.clip(r, 0, 1), x_inverse @ left * scale, y_inverse @ right.T * scale, x_mean, y_mean
        )

    def x_scores(self, x: Float[Array, "*shape dimension"]) -> Float[Array, "*shape component"]:
        """Rows of the first space in the common one."""
        return np.asarray((x - self.x_mean) @ self.x_weights)

    def y_scores(self, y: Float[Array, "*shape other_dimension"]) -> Float[Array, "*shape component"]:
        """Rows of the second space in the common one."""
        return np.asarray((y - self.y_mean) @ self.y_weights)

    def correlations_of(self, x: Float[Array, "row dimension"], y: Float[Array, "row other_dimension"]) -> np.ndarray:
        """Pearson correlation `(component,)` of the scores on other rows; may be negative."""
        return column_correlations(self.x_scores(x), self.y_scores(y))


def mean_of_first(correlations: Float[Array, "*draw component"], number: int = SUMMARY_COMPONENTS) -> np.ndarray:
    """Mean of the first so many correlations; of all where there are fewer.

    Raises:
        InvalidInput: a number below 1.
    """
    if number < 1:
        raise InvalidInput("number", number, "at least 1 correlation")
    return np.asarray(correlations[..., :number].mean(-1))


def column_correlations(x: Float[Array, "row column"], y: Float[Array, "row column"]) -> np.ndarray:
    """Pearson correlation `(column,)` of each column of x with the same of y; 0 where one does not vary."""
    x, y = x - x.mean(0), y - y.mean(0)
    scale = np.sqrt(np.square(x).sum(0) * np.square(y).sum(0))
    return np.asarray((x * y).sum(0) / np.where(scale > 0, scale, 1))


def batched_correlations(
    x: Float[Array, "*draw row dimension"],
    y: Float[Array, "*draw row other_dimension"],
    keep: Bool[Array, "*draw row"] | None = None,
) -> Float[Array, "*draw component"]:
    """The correlations of many pairs of data sets at once, from their products: no weights, half the digits of `CanonicalCorrelation.fit`.

    Directions with less than 1e-12 of a side's largest variance are left out; there are as many correlations as the narrower side has dimensions, zeros at the end.

    Args:
        x, y: rows that belong together.
        keep: rows that count; all by default.
    """
    if keep is not None:
        x, y = np.where(keep[..., None], x, 0), np.where(keep[..., None], y, 0)
    number = x.shape[-2] if keep is None else np.maximum(keep.sum(-1), 1)[..., None, None]
    x, y = x - x.sum(-2, keepdims=True) / number, y - y.sum(-2, keepdims=True) / number
    if keep is not None:
        x, y = x * keep[..., None], y * keep[..., None]
    crossed = _whitening(x).swapaxes(-1, -2) @ (x.swapaxes(-1, -2) @ y) @ _whitening(y)
    return np.clip(np.linalg.svd(crossed, compute_uv=False), 0, 1)


def _whitening(x: np.ndarray) -> np.ndarray:
    """W `(*draw, dimension, dimension)` with (x W)ᵀ (x W) = 1 on the directions in which centred x varies, 0 on the others."""
    values, vectors = np.linalg.eigh(x.swapaxes(-1, -2) @ x)
    used = values > 1e-12 * values[..., -1:]
    return np.asarray(vectors * np.where(used, 1 / np.sqrt(np.where(used, values, 1)), 0)[..., None, :])


def _basis(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, orthonormal basis `(row, rank)` of the centred columns, and what maps the columns onto it `(dimension, rank)`."""
    from scipy.linalg import qr, solve_triangular

    rows, width = values.shape
    if rows < 2 or not width:
        raise InvalidInput(name, f"{rows} rows of {width} columns", "at least two rows and one column")
    if not np.isfinite(values).all():
        raise InvalidInput(name, "values that are not finite", "finite values", "Leave masked bins out.")
    mean = values.mean(0, dtype=np.float64)
    basis, triangle, order = qr(values - mean, mode="economic", pivoting=True)
    size = np.abs(np.diagonal(triangle))
    # The first pivot is the largest; centring alone leaves rounding of the order of the values themselves.
    rank = int((size > np.finfo(np.float64).eps * max(rows, width) * max(size[0], np.abs(mean).max())).sum())
    if rank == 0:
        raise InvalidInput(name, "columns that do not vary", "at least one column that varies")
    inverse = np.zeros((width, rank))
    inverse[order[:rank]] = solve_triangular(triangle[:rank, :rank], np.eye(rank))
    return mean, basis[:, :rank], inverse
