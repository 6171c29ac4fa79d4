"""The leading principal components of one session's activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float

COMPONENTS = 10
"""As published."""


@dataclass(frozen=True)
class PrincipalComponents:
    """A projection fitted to some trials' bins and applied to any."""

    mean: Float[Array, " unit"]
    axes: Float[Array, "component unit"]
    """Orthonormal, the largest variance first."""
    variance: Float[Array, " component"]
    """Share of the variance each explains, on the bins it was fitted to."""

    @staticmethod
    def fit(
        rates: Float[Array, "trial time unit"],
        mask: Bool[Array, "trial time"] | None = None,
        components: int = COMPONENTS,
    ) -> PrincipalComponents:
        """From all bins inside the mask.

        Raises:
            InvalidInput: more components than units or bins.
        """
        from sklearn.decomposition import PCA

        rows = rates.reshape(-1, rates.shape[2]) if mask is None else rates[mask]
        if not 1 <= components <= min(rows.shape):
            raise InvalidInput("components", components, f"1 to {min(rows.shape)}, the units or bins there are")
        found = PCA(n_components=components, svd_solver="full").fit(rows)
        return PrincipalComponents(found.mean_, found.components_, found.explained_variance_ratio_)

    def __call__(self, rates: Float[Array, "*shape unit"]) -> Float[Array, "*shape component"]:
        """Scores of any bins."""
        return np.asarray((rates - self.mean) @ self.axes.T)
