"""The Arneodo system seen through Poisson units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.chaotic_flow import ChaoticFlow, ChaoticFlowConfig


@dataclass(frozen=True)
class ArneodoConfig(ChaoticFlowConfig):
    """Options of the Arneodo simulator."""

    points_per_period: float = 35.0
    """Bins in a period of the system, the mean time between two maxima of a coordinate, where `time_per_bin` is empty."""
    substeps: int = 2
    """Runge-Kutta 4 steps in a bin."""
    start_mean: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Mean of the states before burn-in."""
    start_sd: float = 0.5
    """S.d. of the states before burn-in, in each coordinate."""
    a: float = -5.5
    """a."""
    b: float = 4.5
    """b."""
    c: float = 1.0
    """c."""
    d: float = -1.0
    """d."""


class Arneodo(ChaoticFlow):
    """Arneodo, Coullet & Tresser 1980 (10.1016/0375-9601(80)90342-4): dx = y, dy = z, dz = −a x − b y − c z + d x³.

    Spirals around two points that mirror each other, with rare passages between them. Volume shrinks at rate c everywhere.

    >>> Arneodo().simulate(3, seed=1).truth["latents"].shape
    (3, 45, 3)
    """

    Config: ClassVar = ArneodoConfig
    period = 3.395
    longest_step = 0.1

    def drift(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """Derivative of the state, per time unit of the equations."""
        o, (x, y, z) = self.config, state.T
        return np.stack([y, z, -o.a * x - o.b * y - o.c * z + o.d * x**3], 1)
