"""Lyapunov exponents: how fast nearby trajectories part or meet, in every direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.config import check_range
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.free_run import LIMIT, course_of, scale_of
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_LEAST = 1e-300
"""Stretching below which its logarithm is taken here: a direction that a step wipes out has an exponent of −691 a step, not −∞."""


@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """Lyapunov exponents, the largest first, in 1/step."""

    by_start: Float[Array, "start exponent"]
    """Finite-time exponents of each start whose run did not diverge."""
    steps: int
    """Steps that each is a mean over."""
    diverged: int = 0
    """Starts whose run diverged; they are left out."""

    @property
    def exponents(self) -> Array:
        """Means over starts `(exponent,)`; NaN where every run diverged."""
        if not len(self.by_start):
            return np.full(self.by_start.shape[1], np.nan)
        return np.asarray(self.by_start.mean(0))

    @property
    def error(self) -> Array:
        """Standard errors of the means, over starts `(exponent,)`; NaN for one start. Starts that share an attractor are independent of each other but for short runs."""
        if len(self.by_start) < 2:
            return np.full(self.by_start.shape[1], np.nan)
        return np.asarray(self.by_start.std(0, ddof=1) / np.sqrt(len(self.by_start)))

    @property
    def dimension(self) -> float:
        """Kaplan and Yorke's dimension."""
        return kaplan_yorke(self.exponents)

    def per(self, step: float) -> Array:
        """Exponents in the inverse of a step's unit: 1/s for the bin's width in seconds."""
        return np.asarray(self.exponents / step)

    def as_mapping(self, step: float = 1.0) -> dict[str, Any]:
        """For JSON, in the inverse of a step's unit."""
        return {
            "exponents": (self.exponents / step).tolist(),
            "standard_errors": (self.error / step).tolist(),
            "dimension": self.dimension,
            "starts": len(self.by_start),
            "steps": self.steps,
            "diverged": self.diverged,
        }


def kaplan_yorke(exponents: Array) -> float:
    """j + Σ_{i≤j} λ_i / |λ_{j+1}|, with the largest j whose sum is not negative; 0 for a stable point, the number of exponents where no sum is negative.

    Kaplan & Yorke 1979, 10.1007/BFb0064319.

    >>> round(kaplan_yorke(np.array([0.906, 0.0, -14.572])), 3)
    2.062
    """
    values = np.sort(np.asarray(exponents, float))[::-1]
    if not len(values) or not np.isfinite(values).all():
        return float("nan")
    sums = np.cumsum(values)
    whole = int((sums >= 0).argmin()) if (sums < 0).any() else len(values)
    if whole in (0, len(values)):
        return float(whole)
    return float(whole + sums[whole - 1] / abs(values[whole]))


def lyapunov_spectrum(
    dynamics: DiscreteMap,
    starts: Float[Array, "trial state"],
    inputs: Array | None = None,
    *,
    steps: int = 1000,
    transient: int = 100,
    every: int = 1,
    exponents: int | None = None,
    limit: float = LIMIT,
) -> LyapunovSpectrum:
    """Lyapunov exponents from products of exact Jacobians along many runs at once, kept orthonormal by QR.

    λ_i = lim 1/T Σ_t ln R_ii(t), where J_t Q_{t-1} = Q_t R_t (Benettin et al. 1980, 10.1007/BF02128236 and 10.1007/BF02128237). Many short
    runs cost less than one long one, since all starts take a step together; the transient lets states reach the attractor and the
    directions turn into theirs.

    Args:
        dynamics: of a model, a simulator, or a flow (`runge_kutta`).
        starts: states, at best of the attractor.
        inputs: as `free_run` takes them.
        steps: that the exponents are means over, a start; the last few that do not fill `every` are left out.
        transient: steps before them, with tangents, that do not count.
        every: steps between orthonormalisations: more where a step changes little.
        exponents: how many, the largest; none is as many as the state has dimensions.
        limit: as in `free_run`.

    Raises:
        InvalidInput: starts that are not finite; more exponents than dimensions; fewer steps than `every`.

    >>> halved = DiscreteMap.of_arrays(lambda x, u: 0.5 * x)
    >>> lyapunov_spectrum(halved, np.ones((2, 1)), steps=10).exponents.round(6).tolist()
    [-0.693147]
    """
    if not len(starts) or not np.isfinite(starts).all():
        what = "none" if not len(starts) else "values that are not finite"
        raise InvalidInput("starts", what, "finite states, at least one")
    size = starts.shape[1]
    count = size if exponents is None else exponents
    check_range("exponents", count, 1, size)
    check_range("every", every, 1)
    check_range("steps", steps, every)
    check_range("transient", transient, 0)
    course = course_of(inputs, len(starts))
    centre, farthest = starts.mean(0), limit * scale_of(starts)
    state, alive = starts.astype(np.float64), np.ones(len(starts), bool)
    tangent = np.broadcast_to(
        np.linalg.qr(np.random.default_rng(0).normal(size=(size, count)))[0], (len(starts), size, count)
    )
    grown, counted = np.zeros((len(starts), count)), 0
    warm = -(-transient // every)
    for block in range(warm + steps // every):
        for k in range(every):
            drive = course[:, (block * every + k) % course.shape[1]]
            with np.errstate(all="ignore"):
                jacobian = dynamics.jacobian(state, drive)
                after = dynamics.step(state, drive)
                product = jacobian @ tangent
                fine = np.isfinite(product).all((1, 2)) & (np.linalg.norm(after - centre, axis=1) <= farthest)
            alive &= fine
            state = np.where(alive[:, None], after, state)
            tangent = np.where(alive[:, None, None], product, tangent)
        if not alive.any():
            break
        tangent, triangle = np.linalg.qr(tangent)
        if block >= warm:
            grown += np.log(np.maximum(np.abs(np.diagonal(triangle, axis1=1, axis2=2)), _LEAST))
            counted += every
    found = grown[alive] / max(counted, 1)
    order = np.argsort(-found.mean(0)) if len(found) else np.arange(count)
    return LyapunovSpectrum(found[:, order], counted, int((~alive).sum()))
