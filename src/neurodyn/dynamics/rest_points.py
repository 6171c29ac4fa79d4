"""Where positions come to rest in a potential."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodyn.dynamics.newton import newton
from neurodyn.shapes import Array, Bool, Float

_DESCENT = 400
"""Steps of steepest descent, each of the inverse of the largest curvature about the starts."""
_FAR = 10.0
"""A descent that gets farther than this from the starts' centroid, in mean distances of the starts from it, has found no minimum."""
_CURVED = 1e-9
"""A minimum curves upwards in every direction by more than this share of its largest curvature."""


@dataclass(frozen=True, eq=False)
class RestPoints:
    """Points without force, the one that most starts descend to first."""

    points: Float[Array, "point dimension"]
    energies: Float[Array, " point"]
    hessians: Float[Array, "point dimension dimension"]
    shares: Float[Array, " point"]
    """Share of the starts that descend to each."""
    stable: Bool[Array, " point"]
    """Whether it is a minimum; the only point is not one where the potential has none."""
    distinct: int
    """How many minima were found; only the first of them are kept."""


def rest_points(
    energy: Callable[[Array], Array],
    force: Callable[[Array], Array],
    hessian: Callable[[Array], Array],
    starts: Float[Array, "start dimension"],
    *,
    keep: int = 4,
) -> RestPoints:
    """Distinct minima that visited positions descend to: steepest descent, which stays in its well, then Newton's method.

    Where no start finds a minimum (a potential without a floor), the one point without force that a Newton step from the starts' mean reaches; exact for a quadratic potential.

    Args:
        energy: `(start, dimension)` to U `(start,)`.
        force: to −∇U `(start, dimension)`.
        hessian: to `(start, dimension, dimension)`.
        starts: visited positions, in float64.
        keep: minima kept.
    """
    centre = starts.mean(0)
    far = _FAR * max(float(np.linalg.norm(starts - centre, axis=1).mean()), 1e-9)
    stiffest = float(np.abs(np.linalg.eigvalsh(hessian(starts))).max())
    ends = starts.copy()
    for _ in range(_DESCENT if stiffest > 0 else 0):
        ends = ends + force(ends) / stiffest
        ends = ends[np.linalg.norm(ends - centre, axis=1) < far]
    roots = newton(force, lambda z: -hessian(z), ends) if len(ends) else ends
    if len(roots):
        roots = roots[_curves_upwards(hessian(roots))]
    if len(roots):
        nearest = np.linalg.norm(ends[:, None] - roots, axis=2).argmin(1)
        counts = np.bincount(nearest, minlength=len(roots))
        order = np.argsort(-counts, kind="stable")[: min(keep, int((counts > 0).sum()))]
        points, shares, distinct = roots[order], counts[order] / len(starts), int((counts > 0).sum())
    else:
        step = np.linalg.lstsq(hessian(centre[None])[0], force(centre[None])[0], rcond=None)[0]
        points, shares, distinct = (centre + step)[None], np.zeros(1), 0
    curved = hessian(points)
    return RestPoints(points, energy(points), curved, shares, _curves_upwards(curved), distinct)


def _curves_upwards(hessians: Array) -> Array:
    """Whether each is positive definite, bool `(point,)`."""
    curvature = np.linalg.eigvalsh(hessians)
    return np.asarray(curvature[:, 0] > _CURVED * np.abs(curvature[:, -1]))
