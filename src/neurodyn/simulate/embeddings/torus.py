"""Angles on a circle or on a torus."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, fitted, rows

TURN = 2 * np.pi
MARGIN = 0.05
"""Part of a turn left free at both ends by `stretch`."""


@dataclass(frozen=True)
class TorusConfig:
    """Options of `Torus`."""

    angles: Literal[1, 2] = 2
    """Latents it takes: 1 gives a circle in the plane, 2 a torus in space."""
    major_radius: float = 2.0
    """R: from the centre to the middle of the tube."""
    minor_radius: float = 1.0
    """ρ: of the tube, or of the circle."""
    stretch: bool = False
    """Map the range of each latent it is fitted to onto 5 % to 95 % of a turn first."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.minor_radius", self.minor_radius, 0, open_low=True)
        if self.angles == 2:
            check_range("embedding.major_radius", self.major_radius, self.minor_radius, open_low=True)


class Torus(Embedding):
    """One angle: (ρ cos x, ρ sin x). Two: ((R + ρ cos x_1) cos x_2, (R + ρ cos x_1) sin x_2, ρ sin x_1).

    Latents are angles in radians. Those outside [0, 2π) fall on others, so that the map is not one to one: it warns.
    """

    Config: ClassVar = TorusConfig

    def __init__(self, config: TorusConfig = TorusConfig()) -> None:
        self.config = config
        self.low: Array | None = None
        self.range: Array | None = None

    def fit(self, latents: Float[Array, "*axes latent"]) -> Torus:
        flat = rows(latents)
        self.low, self.range = flat.min(0), np.ptp(flat, 0)
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        c, size = self.config, np.shape(latents)[-1]
        if size != c.angles:
            fix = "Put subsample or principal_components before it in a stack."
            raise InvalidInput("latents", size, f"{c.angles} for embedding.angles={c.angles}", fix)
        angles = np.asarray(latents, float)
        if c.stretch:
            low, span = fitted(self.low, "torus"), fitted(self.range, "torus")
            angles = TURN * (MARGIN + (1 - 2 * MARGIN) * (angles - low) / (span + (span == 0)))
        outside = ((angles < 0) | (angles >= TURN)).mean()
        if outside:
            warnings.warn(
                f"torus: {outside:.1%} of the angles are outside [0, 2π): different latents fall together.",
                stacklevel=2,
            )
        first = angles[..., 0]
        if c.angles == 1:
            return c.minor_radius * np.stack([np.cos(first), np.sin(first)], -1)
        second, around = angles[..., 1], c.major_radius + c.minor_radius * np.cos(first)
        return np.stack([around * np.cos(second), around * np.sin(second), c.minor_radius * np.sin(first)], -1)

    def described(self) -> dict[str, Any]:
        if not self.config.stretch:
            return {}
        return {"low": fitted(self.low, "torus").tolist(), "range": fitted(self.range, "torus").tolist()}
