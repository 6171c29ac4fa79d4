"""Normal modes of damped motion about a point of rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

REGIMES = ("under-damped", "critically damped", "over-damped", "free", "unstable")
"""Swings while it decays; decays fastest; decays without a swing; neither decays nor grows; grows."""
_CRITICAL = 0.01
"""Damping ratios this close to 1 are called critical."""
_STILL = 1e-9
"""A rate below this share of the largest counts as zero."""


@dataclass(frozen=True, eq=False)
class NormalModes:
    """Modes of z'' + Γ z' + H z = 0, one for each dimension, those that carry most variance first."""

    frequency_hz: Float[Array, " mode"]
    """Of the swing, damping included; 0 where there is none."""
    undamped_hz: Float[Array, " mode"]
    """Of the same shape without friction, √h / 2π; NaN where the potential does not curve upwards."""
    damping_ratio: Float[Array, " mode"]
    """ζ = g / (2 √h): below 1 it swings, above it creeps; NaN where the potential does not curve upwards."""
    decay_s: Float[Array, " mode"]
    """Time in which a deviation falls to 1/e, of the slower of two ways to decay; negative where it grows, infinite where it does neither."""
    regime: tuple[str, ...]
    """One of `REGIMES` each."""
    share: Float[Array, " mode"]
    """Share of the variance of visited positions along the mode's shape. Where friction differs between dimensions, shapes need not be at right angles, nor shares add up to 1."""
    shapes: Array
    """Directions of the position, complex `(mode, dimension)` of unit length."""

    def __len__(self) -> int:
        return len(self.regime)

    def as_mapping(self) -> list[dict[str, Any]]:
        """For JSON: one mapping a mode, without its shape."""
        named = ("frequency_hz", "undamped_hz", "damping_ratio", "decay_s", "share")
        return [
            {name: float(getattr(self, name)[i]) for name in named} | {"regime": self.regime[i]}
            for i in range(len(self))
        ]


def normal_modes(
    hessian: Float[Array, "dimension dimension"],
    damping: Array,
    covariance: Float[Array, "dimension dimension"],
    unit_s: float = 1.0,
) -> NormalModes:
    """Modes from the eigenvalues s of the first-order matrix [[0, I], [−H, −Γ]] of (position, velocity).

    With the shape q of an eigenvalue, |q| = 1, and h = q*Hq, g = q*Γq: s² + g s + h = 0. So each shape is an oscillator of its own with stiffness h and
    friction g, exactly, also where friction differs between dimensions. A complex pair is one mode. Of the real eigenvalues as many lie above −g/2 as
    below (the signs of a Hermitian pencil add up to zero); those above, the slower ones, are one mode each.

    Source: Tisseur & Meerbergen 2001, The quadratic eigenvalue problem, 10.1137/S0036144500381988.

    Args:
        hessian: H, symmetric, of the potential at the point of rest.
        damping: the diagonal of Γ, `(dimension,)`.
        covariance: of the visited positions, for the shares.
        unit_s: seconds in the unit of time of the first two.

    Raises:
        InvalidInput: numbers that are not finite.

    >>> modes = normal_modes(np.eye(1) * 4.0, np.zeros(1), np.eye(1))
    >>> round(float(modes.frequency_hz[0] * 2 * np.pi), 6), modes.regime
    (2.0, ('free',))
    """
    if not (np.isfinite(hessian).all() and np.isfinite(damping).all()):
        raise InvalidInput("hessian, damping", "numbers that are not finite", "finite ones")
    size = len(hessian)
    curvature, axes = np.linalg.eigh(hessian)  # in its own axes equal friction leaves modes that do not mix
    first_order = np.zeros((2 * size, 2 * size))
    first_order[:size, size:] = np.eye(size)
    first_order[size:, :size] = -np.diag(curvature)
    first_order[size:, size:] = -axes.T @ (damping[:, None] * axes)
    values, vectors = np.linalg.eig(first_order)
    shapes = axes @ vectors[:size]
    shapes = (shapes / np.maximum(np.linalg.norm(shapes, axis=0), 1e-300)).T

    friction = np.square(np.abs(shapes)) @ damping
    swings = np.flatnonzero(values.imag > 0)
    real = np.flatnonzero(values.imag == 0)
    above = np.argsort(-(2 * values[real].real + friction[real]), kind="stable")
    chosen = np.concatenate([swings, real[above[: size - len(swings)]]])
    values, shapes, friction = values[chosen], shapes[chosen], friction[chosen]

    still = _STILL * max(float(np.abs(values).max()), 1e-300)
    rate = np.where(np.abs(values.real) < still, 0.0, values.real)
    stiffness = np.einsum("mi,ij,mj->m", shapes.conj(), hessian, shapes).real
    with np.errstate(divide="ignore", invalid="ignore"):
        undamped = np.where(stiffness > 0, np.sqrt(np.maximum(stiffness, 0)), np.nan)
        ratio = friction / (2 * undamped)
        decay = np.where(rate == 0, np.inf, -unit_s / rate)
    share = np.einsum("mi,ij,mj->m", shapes.conj(), covariance, shapes).real / max(float(np.trace(covariance)), 1e-300)
    order = np.argsort(-share, kind="stable")
    to_hz = 1 / (2 * np.pi * unit_s)
    return NormalModes(
        frequency_hz=np.abs(values.imag)[order] * to_hz,
        undamped_hz=undamped[order] * to_hz,
        damping_ratio=ratio[order],
        decay_s=decay[order],
        regime=tuple(_regime(float(rate[i]), float(ratio[i])) for i in order),
        share=share[order],
        shapes=shapes[order],
    )


def _regime(rate: float, ratio: float) -> str:
    if rate > 0:
        return "unstable"
    if rate == 0:
        return "free"
    if abs(ratio - 1) <= _CRITICAL:
        return "critically damped"
    return "under-damped" if ratio < 1 else "over-damped"
