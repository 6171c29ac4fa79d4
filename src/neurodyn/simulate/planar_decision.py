"""Three circuits that decide: different dynamics in the plane, with inputs under which their averages are the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.planar import STEP_S, Planar, PlanarConfig, linear_course

_TURNED = np.array([[1.0, -np.sqrt(0.5)], [0.0, -np.sqrt(0.5)]])
"""R: eigenvectors of the line attractor, in columns."""
_MATRICES = {
    "line_attractor": _TURNED @ np.diag([0.0, -5.0]) @ np.linalg.inv(_TURNED),
    "point_attractor": np.diag([-20.0, -40.0]),
}
_NOISE = {"saddle": 1e-4, "line_attractor": 3e-5, "point_attractor": 3e-4}


@dataclass(frozen=True)
class PlanarDecisionConfig(PlanarConfig):
    """Options of the planar decision worlds."""

    kind: Literal["saddle", "line_attractor", "point_attractor"] = "saddle"
    """The local dynamics: unstable between two choices; integrating, and not normal; falling back to the origin, so that the input does it all."""


class PlanarDecision(Planar):
    """Saddle, line attractor or point attractor (after Galgali, Sahani & Mante 2023, 10.1038/s41593-022-01230-2).

    saddle: dx₁ = −6 x₁³ + 20 x₁ + u₁, dx₂ = −10 x₂ + u₂ per second, u = −8 s (1, 1). line attractor: dx = A x + u(t) with A = [[0, −5], [0, −5]]; point
    attractor: A = diag(−20, −40); u(t) is solved so that the average over starts of x without noise is the saddle's. x_0 ~ N(0, 0.005).

    >>> world = PlanarDecision(PlanarDecisionConfig(kind="point_attractor", bins=5))
    >>> world.simulate(3).truth["inputs"].shape
    (3, 5, 2)
    """

    Config: ClassVar = PlanarDecisionConfig
    name = "planar_decision"
    driven = True
    start_mean = np.zeros(2)
    start_sd = np.full(2, np.sqrt(0.005))

    def __init__(self, config: PlanarDecisionConfig = PlanarDecisionConfig()) -> None:
        super().__init__(config)
        self.noise_variance = _NOISE[config.kind]
        self.matrix: Array | None = _MATRICES.get(config.kind)
        """A of the linear kinds, per second."""

    def advance(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        if self.matrix is not None:
            return np.asarray(state + STEP_S * state @ self.matrix.T)
        x, y = state.T
        return np.stack([x + STEP_S * (20 * x - 6 * x**3), y - STEP_S * 10 * y], 1)

    def step_jacobian(self, state: Float[Array, "trial state"]) -> Float[Array, "trial out in"]:
        if self.matrix is not None:
            return np.array(np.broadcast_to(np.eye(2) + STEP_S * self.matrix, (len(state), 2, 2)))
        found = np.zeros((len(state), 2, 2))
        found[:, 0, 0] = 1 + STEP_S * (20 - 18 * state[:, 0] ** 2)
        found[:, 1, 1] = 1 - STEP_S * 10
        return found

    def course(self, steps: int) -> Float[Array, "time input"]:
        if self.matrix is None:
            return np.full((steps, 2), -8.0)
        return linear_course(self._saddle.average(steps), self.matrix)

    @cached_property
    def _saddle(self) -> Any:
        return PlanarDecision()
