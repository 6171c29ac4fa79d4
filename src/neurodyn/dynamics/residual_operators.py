"""Operators of residual dynamics over time, and what they say: spectra, time constants, rotation, non-normality."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neurodyn.dynamics.residual_choice import Tried
from neurodyn.dynamics.residual_moments import LaggedMoments
from neurodyn.dynamics.residual_stages import first_stage, second_stage
from neurodyn.dynamics.tracked_eigenvalues import tracked_eigenvalues
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_BOOTSTRAP_BYTES = 2**27
"""Memory of the moments of draws held at a time."""


@dataclass(frozen=True, eq=False)
class ResidualDynamics:
    """Linear operators x_{t+1} ≈ A_t x_t of deviations in the subspace, for t = l ... T−2."""

    bins: Array
    """Int `(time,)`: t of each operator."""
    operators: Float[Array, "time out in"]
    """A_t by the two stages."""
    plain: Float[Array, "time out in"]
    """A_t by ordinary regression of x_{t+1} on x_t, which observation noise attenuates."""
    subspace: Float[Array, "dimension direction"]
    """Orthonormal directions of the activity: x = deviation · subspace."""
    strength: Float[Array, " time"]
    """Share of the variance of x_t that its past explains; near 0 the instrument is weak and A_t unsure."""
    lags: int
    smoothness: float
    bin_s: float
    """Width of a bin in seconds."""
    trials: int
    tried: tuple[Tried, ...] = ()
    """What was chosen by cross-validation."""
    _moments: tuple[Array, Array, int] | None = field(default=None, repr=False)
    """Deviations in the subspace, mask and seed, for the bootstrap."""

    @cached_property
    def eigenvalues(self) -> Array:
        """Complex `(time, d)`: of each A_t, tracked from bin to bin by their eigenvectors, largest mean |λ| first."""
        return tracked_eigenvalues(self.operators)

    @property
    def leading(self) -> Array:
        """Largest |λ| of each A_t, `(time,)`."""
        return np.asarray(np.abs(np.linalg.eigvals(self.operators)).max(1))

    @property
    def plain_leading(self) -> Array:
        """Largest |λ| of the ordinary regression, `(time,)`."""
        return np.asarray(np.abs(np.linalg.eigvals(self.plain)).max(1))

    @property
    def time_constants_s(self) -> Array:
        """−Δ / ln |λ| `(time, d)`: negative where deviations grow."""
        with np.errstate(divide="ignore"):
            return np.asarray(-self.bin_s / np.log(np.abs(self.eigenvalues)))

    @property
    def rotation_hz(self) -> Array:
        """arg λ / (2 π Δ) `(time, d)`."""
        return np.asarray(np.angle(self.eigenvalues) / (2 * np.pi * self.bin_s))

    @cached_property
    def singular_values(self) -> Array:
        """Of each A_t `(time, d)`, largest first: how much one step can stretch."""
        return np.asarray(np.linalg.svd(self.operators, compute_uv=False))

    @property
    def non_normality(self) -> Array:
        """√(Σσ² − Σ|λ|²) / √Σ|λ|² of each A_t `(time,)`: 0 where eigenvectors are at right angles."""
        stretch, grow = (self.singular_values**2).sum(1), (np.abs(self.eigenvalues) ** 2).sum(1)
        return np.asarray(np.sqrt(np.maximum(stretch - grow, 0)) / np.sqrt(grow))

    def under(self, weights: Float[Array, "draw trial"]) -> Float[Array, "draw time out in"]:
        """A_t under each weighting of the trials, with the same subspace, l and α."""
        if self._moments is None:
            raise InvalidInput("residual dynamics", "without their trials", "those that `estimate` gives")
        deviations, mask, _ = self._moments
        size, bins = deviations.shape[2], deviations.shape[1]
        at_a_time = max(1, _BOOTSTRAP_BYTES // (8 * bins * (2 * self.lags * size) ** 2))
        found = []
        for start in range(0, len(weights), at_a_time):
            moments = LaggedMoments.of(deviations, mask, self.lags + 1, weights[start : start + at_a_time])
            found.append(second_stage(moments, first_stage(moments, self.lags), self.smoothness))
        return np.concatenate(found)

    def bootstrap(self, draws: int = 1000) -> Float[Array, "draw time"]:
        """Largest |λ| of A_t when trials are drawn again with replacement."""
        seed = 0 if self._moments is None else self._moments[2]
        generator = np.random.default_rng((seed, 3))
        weights = generator.multinomial(self.trials, np.full(self.trials, 1 / self.trials), draws).astype(float)
        return np.asarray(np.abs(np.linalg.eigvals(self.under(weights))).max(2))

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        tracked = self.eigenvalues
        return {
            "bins": self.bins.tolist(),
            "bin_s": self.bin_s,
            "trials": self.trials,
            "lags": self.lags,
            "dimension": int(self.subspace.shape[1]),
            "smoothness": self.smoothness,
            "eigenvalues": [[[z.real, z.imag] for z in row] for row in tracked.tolist()],
            "leading": self.leading.tolist(),
            "plain_leading": self.plain_leading.tolist(),
            "singular_values": self.singular_values.tolist(),
            "non_normality": self.non_normality.tolist(),
            "instrument": self.strength.tolist(),
            "chosen": [each.as_mapping() for each in self.tried],
        }
