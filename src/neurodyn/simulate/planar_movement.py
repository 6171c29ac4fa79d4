"""Three circuits that move: a rotation, a channel and a point attractor in the plane, whose averages are the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.planar import STEP_S, Planar, PlanarConfig, linear_course

_POINT = np.diag([-20.0, -40.0])
_NOISE = {"rotation": 3e-5, "channel": 1e-4, "point_attractor": 3e-4}
_PULL = {"rotation": 0.0, "channel": -20.0}
"""How fast the distance from the origin returns to 1, per second."""
_TURN = 1.2
"""Angular speed at distance 1, in rad/s; it grows with the distance."""


@dataclass(frozen=True)
class PlanarMovementConfig(PlanarConfig):
    """Options of the planar movement worlds."""

    kind: Literal["rotation", "channel", "point_attractor"] = "rotation"
    """The local dynamics: circles; circles that attract; falling back to the origin, so that the input does it all."""


class PlanarMovement(Planar):
    """Rotation, channel or point attractor (after Galgali, Sahani & Mante 2023, 10.1038/s41593-022-01230-2).

    rotation: dr = 0, dφ = 1.2 r per second; channel: dr = −20 (r − 1), dφ = 1.2 r; both in polar coordinates and without input, noise in Cartesian ones.
    point attractor: dx = diag(−20, −40) x + u(t), with u(t) solved so that the average over starts without noise is the rotation's.
    x_0 = s (1, 0) + N(0, diag(0.01, 0.0001)).

    >>> world = PlanarMovement()
    >>> round(float(np.angle(np.linalg.eigvals(world.step_jacobian(np.array([[1.0, 0.0]])))).max() / 1e-3), 3)
    1.697
    """

    Config: ClassVar = PlanarMovementConfig
    name = "planar_movement"
    start_mean = np.array([1.0, 0.0])
    start_sd = np.array([0.1, 0.01])

    def __init__(self, config: PlanarMovementConfig = PlanarMovementConfig()) -> None:
        super().__init__(config)
        self.noise_variance = _NOISE[config.kind]
        self.driven = config.kind == "point_attractor"

    def advance(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        if self.driven:
            return np.asarray(state + STEP_S * state @ _POINT.T)
        stretched, sine, cosine, distance = self._polar(state)
        x, y = state.T * (stretched / distance)
        return np.stack([cosine * x - sine * y, sine * x + cosine * y], 1)

    def step_jacobian(self, state: Float[Array, "trial state"]) -> Float[Array, "trial out in"]:
        """With e the unit vector to the state, n at right angles to it, distance ρ(r) and turn θ(r): R [(ρ' e + ρ θ' n) eᵀ + (ρ/r) n nᵀ]."""
        if self.driven:
            return np.array(np.broadcast_to(np.eye(2) + STEP_S * _POINT, (len(state), 2, 2)))
        stretched, sine, cosine, distance = self._polar(state)
        outward = state / distance[:, None]
        around = np.stack([-outward[:, 1], outward[:, 0]], 1)
        along = (1 + STEP_S * _PULL[self.config.kind]) * outward + (stretched * STEP_S * _TURN)[:, None] * around
        inner = along[:, :, None] * outward[:, None] + (stretched / distance)[:, None, None] * (
            around[:, :, None] * around[:, None]
        )
        turn = np.stack([np.stack([cosine, -sine], 1), np.stack([sine, cosine], 1)], 1)
        return np.asarray(turn @ inner)

    def course(self, steps: int) -> Float[Array, "time input"]:
        if not self.driven:
            return np.zeros((steps, 2))
        return linear_course(self._rotation.average(steps), _POINT)

    def _polar(self, state: Array) -> tuple[Array, Array, Array, Array]:
        """Distance a step later, sine and cosine of the turn, distance."""
        distance = np.maximum(np.hypot(*state.T), 1e-12)
        stretched = distance + STEP_S * _PULL[self.config.kind] * (distance - 1)
        return stretched, np.sin(STEP_S * _TURN * distance), np.cos(STEP_S * _TURN * distance), distance

    @cached_property
    def _rotation(self) -> Any:
        return PlanarMovement()
