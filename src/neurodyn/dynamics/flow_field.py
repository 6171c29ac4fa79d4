"""The flow field of any dynamics in a plane, and the phase portrait drawn from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_MARGIN = 0.15
"""How far a field reaches beyond what it shall hold, as a share of its width."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in a state space: origin + a·axes[0] + b·axes[1], with orthonormal axes."""

    origin: Float[Array, " state"]
    axes: Float[Array, "axis=2 state"]
    names: tuple[str, str]

    @staticmethod
    def of_states(states: Float[Array, "visited state"]) -> Plane:
        """Through the mean of visited states, along their first two principal components.

        Raises:
            InvalidInput: states of fewer than two dimensions.
        """
        if states.shape[1] < 2:
            raise InvalidInput("states", f"{states.shape[1]} dimension", "at least 2, for a plane")
        mean = states.mean(0)
        variance, directions = np.linalg.eigh(np.cov((states - mean).T))
        share = variance[::-1] / max(variance.sum(), 1e-300)
        names = f"state PC 1 ({share[0]:.0%})", f"state PC 2 ({share[1]:.0%})"
        return Plane(mean, directions[:, ::-1][:, :2].T.copy(), names)

    @staticmethod
    def of_dimensions(first: int, second: int, at: Array) -> Plane:
        """Spanned by two dimensions of the state, the rest as in `at` `(state,)`; its coordinates are those two.

        Raises:
            InvalidInput: a dimension twice, or one that does not exist.
        """
        size = len(at)
        if first == second or not {first, second} <= set(range(size)):
            raise InvalidInput("dimensions", (first, second), f"two different ones from 0 to {size - 1}")
        axes, origin = np.eye(size)[[first, second]], at.astype(float)
        origin[[first, second]] = 0
        return Plane(origin, axes, (f"state {first}", f"state {second}"))

    def coordinates(self, states: Float[Array, "*shape state"]) -> Float[Array, "*shape axis=2"]:
        """Where states lie when projected onto the plane."""
        return np.asarray((states - self.origin) @ self.axes.T)

    def states(self, coordinates: Float[Array, "*shape axis=2"]) -> Float[Array, "*shape state"]:
        """States of points in the plane."""
        return np.asarray(self.origin + coordinates @ self.axes)


@dataclass(frozen=True, eq=False)
class FlowField:
    """How states in a plane move in one step, under a constant input."""

    x: Float[Array, " column"]
    y: Float[Array, " row"]
    velocity: Float[Array, "row column axis=2"]
    """Change in one step, projected onto the plane."""
    speed: Float[Array, "row column"]
    """‖F(x, u) − x‖: the whole change in one step, out of the plane too."""


def flow_field(
    dynamics: DiscreteMap,
    plane: Plane,
    inputs: Array,
    around: Float[Array, "point axis=2"],
    resolution: int = 41,
) -> FlowField:
    """The flow on a grid in a plane that holds some points, with a margin.

    Args:
        dynamics: a model's or simulator's.
        plane: where to look.
        inputs: the constant input `(input,)`.
        around: coordinates in the plane that the grid shall hold.
        resolution: grid points along each axis.
    """
    low, high = around.min(0), around.max(0)
    margin = _MARGIN * np.maximum(high - low, 1e-9)
    x, y = (np.linspace(low[k] - margin[k], high[k] + margin[k], resolution) for k in (0, 1))
    states = plane.states(np.stack(np.meshgrid(x, y), 2).reshape(-1, 2))
    change = dynamics.step(states, np.broadcast_to(inputs, (len(states), len(inputs))).copy()) - states
    shape = (resolution, resolution)
    return FlowField(
        x, y, (change @ plane.axes.T).reshape(*shape, 2), np.linalg.norm(change, axis=1).reshape(shape)
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PhasePortrait:
    """All that is drawn of dynamics under one constant input."""

    title: str
    """Of the input."""
    session: str
    """Session whose trials it was looked for from."""
    axes: tuple[str, str]
    """Names of the plane's axes."""
    bin_s: float
    """Length of a step in seconds."""
    x: Array
    y: Array
    velocity: Array
    speed: Array
    """As in `FlowField`."""
    paths: Float[Array, "trial time axis=2"]
    """Some trajectories in the plane."""
    points: Float[Array, "point axis=2"]
    """Fixed points in the plane."""
    kinds: tuple[str, ...]
    visited: Array
    """Bool `(point,)`: whether data constrain the dynamics there."""
    eigenvalues: Array
    """Complex `(point, state)`."""
    slow: Float[Array, "slow axis=2"]
    """Slow points in the plane."""
    mapped: Float[Array, "point latent"]
    """Fixed points in the true latents' coordinates; of width 0 where no truth is known."""
    true_paths: Float[Array, "trial time latent"]
    true_points: Float[Array, "true latent"]
    true_kinds: tuple[str, ...]
    true_eigenvalues: Array
    """Complex `(true, latent)`, per step."""

    def write(self, group: Any) -> None:
        """Into an HDF5 group: arrays as data sets, text as attributes."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                group[field.name] = value
            else:
                group.attrs[field.name] = list(value) if isinstance(value, tuple) else value

    @staticmethod
    def read(group: Any) -> PhasePortrait:
        """The inverse of `write`."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(PhasePortrait):
            if field.name in group:
                values[field.name] = group[field.name][()]
            else:
                value = group.attrs[field.name]
                values[field.name] = tuple(map(str, value)) if isinstance(value, np.ndarray) else value
        text = {name: str(values[name]) for name in ("title", "session")}
        return PhasePortrait(**values | text | {"bin_s": float(values["bin_s"])})
