"""Activity taken apart into what time, what condition and what both together explain, and the components of each part (demixed PCA).

Source: Kobak et al. 2016, doi:10.7554/eLife.10989.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity

Part = Literal["time", "condition", "interaction"]
PARTS: tuple[Part, ...] = get_args(Part)
_ABSENT = 1e-8
"""Components smaller than this share of the activity's norm are rounding."""


@dataclass(frozen=True, eq=False)
class Marginalisation:
    """Activity minus each unit's grand mean as a sum of three orthogonal parts."""

    mean: Float[Array, " unit"]
    """Grand mean of each unit."""
    centred: Float[Array, "condition time unit"]
    """What the parts sum to."""
    parts: Mapping[Part, Float[Array, "condition time unit"]]
    """time: the mean over conditions. condition: the mean over time. interaction: the rest. The first two are views that repeat themselves."""

    @staticmethod
    def of(activity: Activity | np.ndarray) -> Marginalisation:
        """From the bins in which every condition has data.

        Raises:
            InvalidInput: no such bin, or as `Activity.of`.
        """
        values = complete_bins(Activity.of(activity))
        mean = values.mean((0, 1))
        centred = values - mean
        time = centred.mean(0, keepdims=True)
        condition = centred.mean(1, keepdims=True)
        parts: dict[Part, np.ndarray] = {
            "time": np.broadcast_to(time, centred.shape),
            "condition": np.broadcast_to(condition, centred.shape),
            "interaction": centred - time - condition,
        }
        return Marginalisation(mean, centred, parts)

    @property
    def fractions(self) -> dict[str, float]:
        """Share of the variance over conditions, time and units that each part has; they sum to 1.

        Raises:
            InvalidInput: activity that does not vary.
        """
        total = float((self.centred**2).sum())
        if total == 0:
            raise InvalidInput("activity", "units that do not vary", "at least one that does")
        return {part: float((values**2).sum()) / total for part, values in self.parts.items()}


def complete_bins(activity: Activity) -> Float[Array, "condition time unit"]:
    """Values in float64 in the bins in which every condition has data.

    Raises:
        InvalidInput: there is none.
    """
    complete = activity.counted.all(0)
    if not complete.any():
        raise InvalidInput(
            f"mask of {activity.name}", "no bin in which every condition has data", "at least one", "Cut a window."
        )
    values = activity.values if complete.all() else activity.values[:, complete]
    return values.astype(np.float64, copy=False)


@dataclass(frozen=True, eq=False)
class DemixedComponents:
    """Directions among units that carry one part of the activity, the largest first.

    Rows of X are samples. B = (XᵀX + μ I)⁻¹ Xᵀ X_φ predicts the part from the activity; F are the first q right singular vectors of X B, and D = B F. With μ = 0 no
    other D, F with q columns has a smaller ‖X_φ − X D Fᵀ‖.
    """

    part: Part
    mean: Float[Array, " unit"]
    decoder: Float[Array, "unit component"]
    """D: latents are (x − mean) D. They are uncorrelated over the samples they were found in."""
    encoder: Float[Array, "unit component"]
    """F, orthonormal: the part is about latents times Fᵀ."""
    sizes: Float[Array, " component"]
    """Norm of each latent over those samples."""

    @staticmethod
    def fit(
        activity: Activity | np.ndarray, components: int, ridge: float = 0.0, parts: tuple[Part, ...] = PARTS
    ) -> dict[Part, DemixedComponents]:
        """The components of each part, from one decomposition of the activity.

        Args:
            activity: conditions by time by unit; bins in which every condition has data are used.
            components: q, at most; there are fewer where a part has fewer dimensions, and none where it is absent.
            ridge: μ over the total sum of squares of the activity.
            parts: which.

        Raises:
            InvalidInput: as `Marginalisation.of`.
        """
        marginal = Marginalisation.of(activity)
        units = len(marginal.mean)
        left, sizes, right = np.linalg.svd(marginal.centred.reshape(-1, units), full_matrices=False)
        used = sizes > np.finfo(np.float64).eps * max(left.shape) * sizes[0]
        left, sizes, right = left[:, used], sizes[used], right[used].T
        total = float(np.linalg.norm(sizes))
        gain = sizes**2 / (sizes**2 + ridge * total**2)
        found: dict[Part, DemixedComponents] = {}
        for part in parts:
            fitted = gain[:, None] * (left.T @ marginal.parts[part].reshape(-1, units))
            own, strength, encoder = np.linalg.svd(fitted, full_matrices=False)
            kept = min(components, int((strength > _ABSENT * total).sum()))
            decoder = (right / sizes) @ (own[:, :kept] * strength[:kept])
            found[part] = DemixedComponents(part, marginal.mean, decoder, encoder[:kept].T, strength[:kept])
        return found

    def latents(self, values: Float[Array, "*shape unit"]) -> Float[Array, "*shape component"]:
        """Activity along the components."""
        return np.asarray((values - self.mean) @ self.decoder)
