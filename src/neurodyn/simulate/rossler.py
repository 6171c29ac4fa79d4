"""The Rössler system seen through Poisson units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.chaotic_flow import ChaoticFlow, ChaoticFlowConfig


@dataclass(frozen=True)
class RosslerConfig(ChaoticFlowConfig):
    """Options of the Rössler simulator."""

    points_per_period: float = 35.0
    """Bins in a period of the system, the mean time between two maxima of a coordinate, where `time_per_bin` is empty."""
    substeps: int = 4
    """Runge-Kutta 4 steps in a bin."""
    a: float = 0.2
    """a."""
    b: float = 0.2
    """b."""
    c: float = 5.7
    """c."""


class Rossler(ChaoticFlow):
    """Rössler 1976 (10.1016/0375-9601(76)90101-8): dx = −y − z, dy = x + a y, dz = b + z (x − c).

    A spiral in a plane that folds back through a burst of z: weak chaos, with one fast direction and one that is nearly neutral.

    >>> Rossler().simulate(3, seed=1).truth["latents"].shape
    (3, 45, 3)
    """

    Config: ClassVar = RosslerConfig
    period = 5.855
    longest_step = 0.1

    def drift(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """Derivative of the state, per time unit of the equations."""
        o, (x, y, z) = self.config, state.T
        return np.stack([-y - z, x + o.a * y, o.b + z * (x - o.c)], 1)
