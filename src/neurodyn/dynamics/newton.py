"""Newton's method from many starts at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.shapes import Array, Float


def newton(
    drift: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    starts: Float[Array, "start state"],
    *,
    low: float = -np.inf,
    high: float = np.inf,
    tolerance: float = 1e-10,
    steps: int = 50,
) -> Float[Array, "root state"]:
    """Distinct roots of `drift` that Newton's method reaches, sorted by their first coordinate.

    Args:
        drift: `(start, state)` to its derivative in time, of the same shape.
        jacobian: `(start, state)` to `(start, state, state)`, row i the gradient of component i.
        starts: initial guesses.
        low, high: guesses are kept between these; a root outside is not found.
        tolerance: largest drift of a root, in the drift's own unit; roots closer than 1e-6 are one.
        steps: iterations.
    """
    points = starts.copy()
    nudge = 1e-12 * np.eye(starts.shape[1])  # so that a singular Jacobian only loses its own start
    with np.errstate(all="ignore"):
        for _ in range(steps):
            change = drift(points)
            if np.abs(change).max() < tolerance * 1e-3:
                break
            slope = jacobian(points) + nudge
            points = np.clip(points - np.linalg.solve(slope, change[..., None])[..., 0], low, high)
    found = points[np.abs(drift(points)).max(1) < tolerance]
    roots: list[Array] = []
    for point in found:
        if all(np.abs(point - root).max() > 1e-6 for root in roots):
            roots.append(point)
    if not roots:
        return np.zeros((0, starts.shape[1]))
    distinct = np.stack(roots)
    return distinct[np.lexsort(np.round(distinct.T[::-1], 9))]
