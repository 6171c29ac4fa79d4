"""Fixed points of any dynamics: where the state stays under a constant input, and how it behaves nearby."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.config import check_range
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int

_ROOT = 1e-20
"""Relative speed below which a point is fixed: float64 gets regular ones to about 1e-30, and minima of the speed stay far above."""
_JACOBIAN_ENTRIES = 2**23
"""Entries of Jacobians held at a time, which bounds the memory (64 MB an array)."""
_LEAST_GAIN = 1e-4
"""Share of q below which a step says that the search has ended."""
_CAP = 0.5
"""Longest step of the search, in mean radii of the starts: a start finds what lies near it."""


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """Fixed points of x' = F(x, u), for one or several constant inputs u, ordered by input and then by coordinates."""

    points: Float[Array, "point state"]
    inputs: Float[Array, "point input"]
    """The constant input of each."""
    input_index: Int[Array, " point"]
    """Which of the inputs that were given."""
    speed: Float[Array, " point"]
    """q = ½‖F(x, u) − x‖²."""
    jacobians: Float[Array, "point state state"]
    """∂F/∂x at the point."""
    eigenvalues: Array
    """Complex `(point, state)`, of the Jacobian, largest absolute value first."""
    reached: Int[Array, " point"]
    """Number of starts that ended here."""
    slow: FixedPoints | None = None
    """Slow points: minima of the speed that are not zero. Never mixed with the fixed ones."""
    starts: int = 0
    """Starts for each input."""
    far: int = 0
    """End points that were discarded over all inputs, too far from where the states are."""

    def __len__(self) -> int:
        return len(self.points)

    @property
    def unstable(self) -> Array:
        """Number of unstable directions `(point,)`: eigenvalues of absolute value 1 or more."""
        return np.asarray((np.abs(self.eigenvalues) >= 1).sum(1))

    @property
    def stable(self) -> Array:
        """Bool `(point,)`: whether every eigenvalue is inside the unit circle."""
        return np.asarray(self.unstable == 0)

    @property
    def kind(self) -> list[str]:
        """`stable`, `saddle` (some directions unstable) or `unstable` (all are)."""
        size = self.points.shape[1]
        return ["stable" if n == 0 else "unstable" if n == size else "saddle" for n in self.unstable.tolist()]

    def at(self, index: int) -> FixedPoints:
        """Those of one input, with its slow points."""
        slow = None if self.slow is None else self.slow.at(index)
        return dataclasses.replace(self.select(self.input_index == index), slow=slow)

    def select(self, rows: Array) -> FixedPoints:
        """Some points, by a mask or indices; the slow ones are left out."""
        per_point = ("points", "inputs", "input_index", "speed", "jacobians", "eigenvalues", "reached")
        return dataclasses.replace(self, slow=None, **{name: getattr(self, name)[rows] for name in per_point})

    def time_constants_s(self, bin_s: float) -> Array:
        """−bin / ln|λ| in seconds, `(point, state)`: how fast a deviation shrinks; negative where it grows."""
        with np.errstate(divide="ignore"):
            return np.asarray(-bin_s / np.log(np.abs(self.eigenvalues)))

    def rotations_hz(self, bin_s: float) -> Array:
        """|arg λ| / (2π bin) in Hz, `(point, state)`: how fast a deviation turns."""
        return np.asarray(np.abs(np.angle(self.eigenvalues)) / (2 * np.pi * bin_s))

    def as_mapping(self) -> dict[str, Any]:
        """As plain mappings and lists, for JSON; eigenvalues as pairs of real and imaginary part, Jacobians left out."""
        found: dict[str, Any] = {
            "points": [
                {
                    "kind": kind,
                    "unstable_directions": int(self.unstable[i]),
                    "state": self.points[i].tolist(),
                    "input": self.inputs[i].tolist(),
                    "input_index": int(self.input_index[i]),
                    "speed": float(self.speed[i]),
                    "eigenvalues": [[float(e.real), float(e.imag)] for e in self.eigenvalues[i]],
                    "reached": int(self.reached[i]),
                }
                for i, kind in enumerate(self.kind)
            ],
            "starts": self.starts,
            "far": self.far,
        }
        if self.slow is not None:
            found["slow"] = [
                {name: point[name] for name in ("state", "input_index", "speed", "reached")}
                for point in self.slow.as_mapping()["points"]
            ]
        return found

    def __str__(self) -> str:
        shown = min(self.points.shape[1], 6)
        lines = [f"{'input':>5}  {'kind':<8} {'|λ| max':>8}  {'reached':>7}  state"]
        for i, kind in enumerate(self.kind):
            state = " ".join(f"{v:9.5f}" for v in self.points[i, :shown]) + (
                " ..." if shown < len(self.points[i]) else ""
            )
            largest = float(np.abs(self.eigenvalues[i, 0]))
            lines.append(f"{self.input_index[i]:>5}  {kind:<8} {largest:8.4f}  {self.reached[i]:>7}  {state}")
        slow = "" if self.slow is None else f", {len(self.slow)} slow"
        return "\n".join([*lines, f"{len(self)} fixed points{slow}; {self.starts} starts for each input"])


def find_fixed_points(
    step: Callable[..., Any] | DiscreteMap,
    starts: Any,
    inputs: Any = None,
    *,
    tolerance: float = 1e-8,
    slow: float = 1e-4,
    merge: float = 1e-3,
    far: float = 10.0,
    noise: float = 0.0,
    steps: int = 100,
    seed: int = 0,
) -> FixedPoints:
    """Fixed points that a damped Newton search reaches, from many starts and for several constant inputs at once.

    Minimises q = ½‖F(x, u) − x‖² by Levenberg and Marquardt's method (Marquardt 1963, 10.1137/0111030) in float64, which near a root is
    Newton's: points are polished to rounding as they are found. The idea of searching minima of the speed is Sussillo & Barak 2013's
    (10.1162/NECO_a_00409). All thresholds are relative to R, the mean distance of the starts from their centroid (1 for a single start), since
    the units of a model's state are arbitrary.

    A point is fixed where q < 1e-20 R² (or `tolerance`, if that is less). Where the search ends between this and `slow` the speed has a
    minimum that is not zero: a slow point. Published searches, which do not polish, call q < `tolerance` fixed; what is between is counted as slow here.

    Args:
        step: `(state, inputs)` of shapes `(trial, state)`, `(trial, input)` to next states. Tensors in, tensors out where `starts` is a tensor (the
            Jacobian is by automatic differentiation; use float64); else arrays (by central differences). Or a `DiscreteMap`.
        starts: initial guesses `(start, state)`: visited states, usually.
        inputs: constant inputs `(input set, input)`, or one `(input,)`; none is one set of width 0. Each is searched from all starts.
        tolerance: largest q / R² of a fixed point.
        slow: largest q / R² of a slow point; what is above is dropped.
        merge: points closer than this times R in every coordinate, under the same input, are one.
        far: points farther than this times R from the starts' centroid are dropped.
        noise: s.d. of normal noise added to the starts, in R.
        steps: iterations at most.
        seed: of the noise.

    Raises:
        InvalidInput: starts or inputs that are not finite or not of these shapes.

    >>> cubic = lambda x, u: x + 0.1 * (x - x**3)
    >>> print(find_fixed_points(cubic, np.linspace(-2, 2, 11)[:, None]))
    input  kind      |λ| max  reached  state
        0  stable     0.8000        4   -1.00000
        0  unstable   1.1000        3    0.00000
        0  stable     0.8000        4    1.00000
    3 fixed points, 0 slow; 11 starts for each input
    """
    for name, value in (("tolerance", tolerance), ("slow", slow), ("merge", merge), ("far", far)):
        check_range(name, value, 0, open_low=True)
    check_range("noise", noise, 0)
    check_range("steps", steps, 1)
    dynamics = _as_map(step, starts)
    first, drives = _array("starts", starts), np.zeros((1, 0)) if inputs is None else _array("inputs", inputs)
    if not len(first):
        raise InvalidInput("starts", "none", "at least one state to start from")
    centre = first.mean(0)
    radius = float(np.linalg.norm(first - centre, axis=1).mean()) or 1.0
    if noise:
        first = first + noise * radius * np.random.default_rng(seed).standard_normal(first.shape)
    state, index = np.tile(first, (len(drives), 1)), np.repeat(np.arange(len(drives)), len(first))
    at_a_time = max(1, _JACOBIAN_ENTRIES // first.shape[1] ** 2)
    ended = [
        _descend(dynamics, state[rows], drives[index[rows]], radius, steps)
        for rows in np.split(np.arange(len(state)), range(at_a_time, len(state), at_a_time))
    ]
    state, speed = np.concatenate([e[0] for e in ended]), np.concatenate([e[1] for e in ended])
    distant = np.linalg.norm(state - centre, axis=1) > far * radius
    relative = np.where(distant | ~np.isfinite(speed), np.inf, speed / radius**2)
    root = min(tolerance, _ROOT)

    def gathered(keep: Array) -> FixedPoints:
        rows = np.flatnonzero(keep)
        kept, reached = _distinct(state[rows], index[rows], speed[rows], merge * radius)
        rows = rows[kept]
        jacobians = dynamics.jacobian(state[rows], drives[index[rows]])
        finite = np.isfinite(jacobians).all((1, 2))  # a step may be undefined right beside a point
        rows, jacobians, reached = rows[finite], jacobians[finite], reached[finite]
        values = np.linalg.eigvals(jacobians).astype(complex)
        order = np.argsort(-np.abs(values), 1, kind="stable")
        return FixedPoints(
            points=state[rows],
            inputs=drives[index[rows]],
            input_index=index[rows],
            speed=speed[rows],
            jacobians=jacobians,
            eigenvalues=np.take_along_axis(values, order, 1),
            reached=reached,
            starts=len(first),
        )

    found = gathered(relative < root)
    return dataclasses.replace(
        found,
        slow=gathered((relative >= root) & (relative < slow)),
        far=int((distant & (speed < slow * radius**2)).sum()),
    )


def _as_map(step: Callable[..., Any] | DiscreteMap, starts: Any) -> DiscreteMap:
    if isinstance(step, DiscreteMap):
        return step
    if isinstance(starts, np.ndarray):
        return DiscreteMap.of_arrays(step)
    return DiscreteMap.of_tensors(step, starts.device)


def _array(name: str, values: Any) -> Array:
    """`(row, column)` in float64; one row may come without its axis."""
    array = np.atleast_2d(values if isinstance(values, np.ndarray) else values.detach().cpu().numpy())
    if array.ndim != 2 or not np.isfinite(array).all():
        what = f"shape {array.shape}" if array.ndim != 2 else "values that are not finite"
        raise InvalidInput(name, what, "finite numbers, one row each")
    return array.astype(np.float64)


def _descend(dynamics: DiscreteMap, state: Array, inputs: Array, radius: float, steps: int) -> tuple[Array, Array]:
    """Where each start ends, and its q."""
    state, size = state.copy(), state.shape[1]
    residual = dynamics.step(state, inputs) - state
    speed = 0.5 * (residual**2).sum(1)
    damping, jacobian = np.full(len(state), 1e-2), np.empty((len(state), size, size))
    moved = active = np.flatnonzero(np.isfinite(speed))
    for _ in range(steps):
        active = active[speed[active] > 1e-30 * radius**2]
        if not len(active):
            break
        if (moved := np.intersect1d(moved, active, assume_unique=True)).size:
            jacobian[moved] = dynamics.jacobian(state[moved], inputs[moved]) - np.eye(size)
        tried = state[active] + _step(jacobian[active], residual[active], damping[active], _CAP * radius)
        after = dynamics.step(tried, inputs[active]) - tried
        q = 0.5 * (after**2).sum(1)
        gained = np.where(np.isfinite(q), 1 - q / speed[active], -1.0)
        better = gained > 0
        moved = active[better]
        state[moved], residual[moved], speed[moved] = tried[better], after[better], q[better]
        damping[active] *= np.where(better, 0.1, 5.0)
        # Over where steps no longer help: at a root to rounding, or at a minimum of the speed that is none.
        active = active[np.where(better, gained > _LEAST_GAIN, damping[active] < 1e8)]
    return state, speed


def _step(jacobian: Array, residual: Array, damping: Array, longest: float) -> Array:
    """−(AᵀA + d tr(AᵀA)/n I)⁻¹ Aᵀ r for each row, no longer than `longest`."""
    transposed = jacobian.swapaxes(1, 2)
    normal = transposed @ jacobian
    size = jacobian.shape[1]
    trace = np.trace(normal, axis1=1, axis2=2) / size
    diagonal = np.arange(size)
    normal[:, diagonal, diagonal] += (damping * trace + 1e-300)[:, None]
    with np.errstate(all="ignore"):
        try:
            change = -np.linalg.solve(normal, transposed @ residual[..., None])[..., 0]
        except np.linalg.LinAlgError:  # a singular one among them
            change = -(np.linalg.pinv(normal) @ (transposed @ residual[..., None]))[..., 0]
        length = np.linalg.norm(change, axis=1, keepdims=True)
        return np.asarray(
            np.where(np.isfinite(length), change * np.minimum(1, longest / np.maximum(length, 1e-300)), 0)
        )


def _distinct(points: Array, index: Array, speed: Array, within: float) -> tuple[Array, Array]:
    """Rows of one point each, the slowest of those closer than `within` in all coordinates under the same input, and how many there were."""
    left = np.lexsort((speed, index))
    kept, reached = [], []
    while left.size:
        best = left[0]
        same = (index[left] == index[best]) & (np.abs(points[left] - points[best]).max(1) < within)
        kept.append(best)
        reached.append(int(same.sum()))
        left = left[~same]
    rows, counts = np.array(kept, int), np.array(reached, int)
    order = np.lexsort((*np.round(points[rows].T[::-1] / within), index[rows]))
    return rows[order], counts[order]
