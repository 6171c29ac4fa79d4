"""The Lorenz system seen through Poisson units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.chaotic_flow import ChaoticFlow, ChaoticFlowConfig


@dataclass(frozen=True)
class LorenzConfig(ChaoticFlowConfig):
    """Options of the Lorenz simulator."""

    time_per_bin: float | None = 0.03
    """Time units of the equations that pass in a bin: how fast the dynamics look. Empty takes `points_per_period`."""
    start_mean: tuple[float, float, float] = (0.0, 0.0, 25.0)
    """Mean of the states before burn-in."""
    start_sd: float = 5.0
    """S.d. of the states before burn-in, in each coordinate."""
    sigma: float = 10.0
    """σ."""
    rho: float = 28.0
    """ρ."""
    beta: float = 8 / 3
    """β."""


class Lorenz(ChaoticFlow):
    """Lorenz 1963 (10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2), one Runge-Kutta 4 step a bin.

    dx = σ (y - x), dy = x (ρ - z) - y, dz = x y - β z. An input is added to the derivative. The latents are the three
    coordinates, each standardised; the expected counts are min(gain exp(latents W), max_rate).

    >>> Lorenz().simulate(3, seed=1).truth["latents"].shape
    (3, 45, 3)
    """

    Config: ClassVar = LorenzConfig
    period = 0.751
    longest_step = 0.1

    def drift(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """Derivative of the state, per time unit of the equations."""
        c, (x, y, z) = self.config, state.T
        return np.stack([c.sigma * (y - x), x * (c.rho - z) - y, x * y - c.beta * z], 1)
