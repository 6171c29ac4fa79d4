"""From latents to spike counts: linear, nonlinear, Poisson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float, Int


@dataclass(frozen=True)
class LinearNonlinearPoissonConfig:
    """Options of `LinearNonlinearPoisson`."""

    units: int = 30
    """Number of units."""
    projection: Literal["uniform", "normal"] = "uniform"
    """Distribution of the entries of W."""
    spread: float = 1.0
    """Half width of the uniform entries, or s.d. of the normal ones."""
    projection_seed: int | None = 0
    """Seed of W; empty draws it from the data set's own stream."""
    standardise: Literal["all", "unit", "none"] = "all"
    """Centre and scale the projected latents over everything, or unit by unit, or not at all."""
    standard_deviation: float = 1.0
    """Target s.d. of the projected latents."""
    offset: float = -3.0
    """Added to the projected latents: the log rate of a unit at its mean."""
    gain: float = 1.0
    """Factor on the expected counts."""
    max_rate: float | None = None
    """Largest expected count per bin; empty for none."""
    clip: int | None = 5
    """Largest count per bin; empty for none."""

    def __post_init__(self) -> None:
        check_choices(self, "spikes")
        check_range("spikes.units", self.units, 1)
        for name in ("spread", "standard_deviation", "gain"):
            check_range(f"spikes.{name}", getattr(self, name), 0, open_low=True)


class LinearNonlinearPoisson:
    """Units that read latents Z through W: A = Z W, standardised; λ = gain exp(A + offset); y ~ Poisson(λ), clipped.

    A ← (A - mean) / (s / v + 1e-5) with mean and s.d. s of the latents it was fitted to and target s.d. v, so that the
    log of the expected counts is an affine function of the latents.
    """

    def __init__(
        self, config: LinearNonlinearPoissonConfig, latents: int, generator: np.random.Generator | None = None
    ) -> None:
        """Draws the projection.

        Args:
            config: options.
            latents: number of latents.
            generator: of the projection, when `projection_seed` is empty.
        """
        if config.projection_seed is not None:
            generator = np.random.default_rng(config.projection_seed)
        if generator is None:
            raise InvalidInput("spikes.projection_seed", None, "a seed, or a generator for the projection")
        self.config = config
        size = (latents, config.units)
        self.projection: Array = (
            generator.uniform(-config.spread, config.spread, size)
            if config.projection == "uniform"
            else generator.normal(0, config.spread, size)
        )
        self.mean: Array = np.zeros(())
        self.scale: Array = np.ones(())
        self._fitted = config.standardise == "none"

    def fit(self, latents: Float[Array, "trial time latent"]) -> LinearNonlinearPoisson:
        """Sets mean and scale from these latents; later calls reuse them."""
        if self.config.standardise != "none":
            projected = latents @ self.projection
            axes = None if self.config.standardise == "all" else (0, 1)
            self.mean = np.asarray(projected.mean(axes))
            self.scale = np.asarray(projected.std(axes) / self.config.standard_deviation + 1e-5)
            self._fitted = True
        return self

    def rates(self, latents: Float[Array, "trial time latent"]) -> Float[Array, "trial time unit"]:
        """Expected counts per bin.

        Raises:
            InvalidInput: it has not been fitted.
        """
        if not self._fitted:
            raise InvalidInput("spikes", "no mean and scale", "a fitted readout", "Call fit(latents) first.")
        projected = latents @ self.projection
        if self.config.standardise != "none":
            projected = (projected - self.mean) / self.scale
        rates = self.config.gain * np.exp(projected + self.config.offset)
        return rates if self.config.max_rate is None else np.minimum(rates, self.config.max_rate)

    def sample(self, rates: Float[Array, "trial time unit"], streams: TrialStreams) -> Int[Array, "trial time unit"]:
        """Spike counts per bin."""
        counts = streams.spikes(rates)
        return counts if self.config.clip is None else np.minimum(counts, self.config.clip)

    def described(self) -> dict[str, Any]:
        """Projection, mean and scale as plain lists, for the provenance."""
        return {
            "projection": self.projection.tolist(),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
        }
