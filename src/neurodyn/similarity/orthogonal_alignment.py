"""Two spaces brought together by a rotation alone, then compared dimension by dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.canonical_correlation import column_correlations


@dataclass(frozen=True)
class OrthogonalAlignment:
    """The rotation (or reflection) of y that lies closest to x, both centred and scaled to unit size; fitted to some rows and applied to any.

    A variant of canonical correlation that keeps angles and relative variances: minimises ‖X/‖X‖ − (Y/‖Y‖) Q‖ over orthogonal Q (Schönemann 1966,
    doi:10.1007/BF02289451).
    """

    rotation: Float[Array, "dimension dimension"]
    """Q."""
    x_mean: Float[Array, " dimension"]
    y_mean: Float[Array, " dimension"]
    x_size: float
    """Frobenius norm of the centred x it was fitted to."""
    y_size: float

    @staticmethod
    def fit(x: Float[Array, "row dimension"], y: Float[Array, "row dimension"]) -> OrthogonalAlignment:
        """From rows that belong together, in as many dimensions.

        Raises:
            InvalidInput: values that are not finite, or a side that does not vary.
        """
        from scipy.linalg import orthogonal_procrustes

        centred = []
        for name, values in (("x", x), ("y", y)):
            if not np.isfinite(values).all():
                raise InvalidInput(name, "values that are not finite", "finite values", "Leave masked bins out.")
            mean = values.mean(0, dtype=np.float64)
            size = float(np.linalg.norm(values - mean))
            if size <= np.finfo(np.float64).eps * max(float(np.linalg.norm(values)), np.finfo(np.float64).tiny):
                raise InvalidInput(name, "columns that do not vary", "at least one column that varies")
            centred.append((mean, size, (values - mean) / size))
        (x_mean, x_size, unit_x), (y_mean, y_size, unit_y) = centred
        return OrthogonalAlignment(orthogonal_procrustes(unit_y, unit_x)[0], x_mean, y_mean, x_size, y_size)

    def x_scores(self, x: Float[Array, "*shape dimension"]) -> Float[Array, "*shape dimension"]:
        """Rows of the first space, centred and scaled."""
        return np.asarray((x - self.x_mean) / self.x_size)

    def y_scores(self, y: Float[Array, "*shape dimension"]) -> Float[Array, "*shape dimension"]:
        """Rows of the second space, centred, scaled and rotated onto the first."""
        return np.asarray((y - self.y_mean) / self.y_size @ self.rotation)

    def correlations_of(self, x: Float[Array, "row dimension"], y: Float[Array, "row dimension"]) -> np.ndarray:
        """Pearson correlation `(dimension,)`; may be negative."""
        return column_correlations(self.x_scores(x), self.y_scores(y))
