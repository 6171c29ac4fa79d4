"""From latents to the activity of units: linear, nonlinear, and noise of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import sampler_of


@dataclass(frozen=True)
class LinearNonlinearConfig:
    """Options of `LinearNonlinear`."""

    units: int = 30
    """Number of units."""
    projection: Literal["uniform", "normal", "identity"] = "uniform"
    """Distribution of the entries of W; `identity` lets unit i read latent i."""
    spread: float = 1.0
    """Half width of the uniform entries, or s.d. of the normal ones."""
    unit_columns: bool = False
    """Scale every column of W to length 1."""
    projection_seed: int | None = 0
    """Seed of W; empty draws it from the data set's own stream."""
    standardise: Literal["all", "unit", "none"] = "all"
    """Centre and scale the projected latents over everything, or unit by unit, or not at all."""
    standard_deviation: float = 1.0
    """Target s.d. of the projected latents."""
    nonlinearity: Literal["exp", "relu", "softplus", "sigmoid"] = "exp"
    """φ, from A to counts per bin: k exp(hA + o), k max(hA + o, 0), (k/h) ln(1 + exp(hA + o)) or k/(1 + exp(−hA − o))."""
    slope: float = 1.0
    """h: factor on the projected latents."""
    offset: float = -3.0
    """o: added to the projected latents; for exp, the log rate of a unit at its mean."""
    gain: float = 1.0
    """k: factor on the expected counts."""
    max_rate: float | None = None
    """Largest expected count per bin; empty for none."""
    sampler: Annotated[Any, Part("samplers")] = "poisson"
    """Noise around the expected counts."""
    clip: int | None = 5
    """Largest count per bin; empty for none. Of counts only."""

    def __post_init__(self) -> None:
        resolve_parts(self, "spikes")
        check_choices(self, "spikes")
        check_range("spikes.units", self.units, 1)
        for name in ("spread", "standard_deviation", "gain", "slope"):
            check_range(f"spikes.{name}", getattr(self, name), 0, open_low=True)
        if self.max_rate is not None:
            check_range("spikes.max_rate", self.max_rate, 0, open_low=True)
        if self.clip is not None:
            check_range("spikes.clip", self.clip, 1)


class LinearNonlinear:
    """Units that read latents Z through W: A = Z W, standardised; λ = φ(A) counts per bin; y around λ by a sampler, counts clipped.

    A ← (A - mean) / (s / v + 1e-5) with mean and s.d. s of the latents it was fitted to and target s.d. v. With φ = exp the log of the expected counts is an
    affine function of the latents.
    """

    def __init__(
        self, config: LinearNonlinearConfig, latents: int, generator: np.random.Generator | None = None
    ) -> None:
        """Draws the projection.

        Args:
            config: options.
            latents: number of latents.
            generator: of the projection, when `projection_seed` is empty.

        Raises:
            InvalidInput: no generator where one is needed; an identity with another number of units than latents.
        """
        if config.projection_seed is not None:
            generator = np.random.default_rng(config.projection_seed)
        if generator is None:
            raise InvalidInput("spikes.projection_seed", None, "a seed, or a generator for the projection")
        self.config = config
        self.projection = _projection(config, latents, generator)
        self.mean: Array = np.zeros(())
        self.scale: Array = np.ones(())
        self._fitted = config.standardise == "none"

    def fit(self, latents: Float[Array, "trial time latent"]) -> LinearNonlinear:
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
        rates = self._nonlinear(projected)
        return rates if self.config.max_rate is None else np.minimum(rates, self.config.max_rate)

    def sample(self, rates: Float[Array, "trial time unit"], streams: TrialStreams) -> Array:
        """Values per bin `(trial, time, unit)`: spike counts, or real numbers where the sampler gives those."""
        sampler = sampler_of(self.config.sampler)
        values = sampler.sample(rates, streams)
        return np.minimum(values, self.config.clip) if self.config.clip is not None and sampler.whole else values

    def recorded(self, rates: Float[Array, "trial time unit"], streams: TrialStreams) -> dict[str, Any]:
        """The values under the name that `Trials.from_arrays` takes them by: `counts`, or `fluorescence` where they are real numbers."""
        return {"counts" if sampler_of(self.config.sampler).whole else "fluorescence": self.sample(rates, streams)}

    def described(self) -> dict[str, Any]:
        """Projection, mean and scale as plain lists, for the provenance."""
        return {
            "projection": self.projection.tolist(),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
        }

    def _nonlinear(self, projected: Array) -> Array:
        c = self.config
        drive = projected + c.offset if c.slope == 1 else c.slope * projected + c.offset
        if c.nonlinearity == "exp":
            return np.asarray(c.gain * np.exp(drive))
        if c.nonlinearity == "relu":
            return np.asarray(c.gain * np.maximum(drive, 0))
        if c.nonlinearity == "softplus":
            return np.asarray(c.gain / c.slope * np.logaddexp(0, drive))
        return np.asarray(c.gain * np.exp(-np.logaddexp(0, -drive)))


def _projection(config: LinearNonlinearConfig, latents: int, generator: np.random.Generator) -> Array:
    """W `(latent, unit)`."""
    size = (latents, config.units)
    if config.projection == "identity":
        if config.units != latents:
            raise InvalidInput("spikes.units", config.units, f"{latents}, as many as latents, for an identity")
        return np.eye(latents)
    drawn = (
        generator.uniform(-config.spread, config.spread, size)
        if config.projection == "uniform"
        else generator.normal(0, config.spread, size)
    )
    return drawn / np.linalg.norm(drawn, axis=0) if config.unit_columns else drawn
