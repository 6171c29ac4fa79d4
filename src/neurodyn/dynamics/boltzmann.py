"""Samples of the Boltzmann law exp(−U/𝒯)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.dynamics.integrators.baoab import BAOAB
from neurodyn.shapes import Array, Float

_STEP = 0.5
"""Steps, in units of 1/ω of the stiffest direction: a fourth of what BAOAB bears."""
_MEMORIES, _SNAPSHOTS, _BETWEEN = 10.0, 4, 3.0
"""Memory times of the softest direction that pass before the first snapshot, snapshots, and memory times from one to the next."""
_MOST_STEPS = 4000


def boltzmann_samples(
    force: Callable[[Array], Array],
    starts: Float[Array, "chain dimension"],
    temperature: float,
    curvature: tuple[float, float],
    seed: int = 0,
) -> Float[Array, "sample dimension"]:
    """Positions that noise and friction alone would spread to: snapshots of BAOAB chains.

    The friction is critical for the softest direction, so that all directions forget at its rate. Chains stay in the well they start in where barriers are many 𝒯 high. The
    positions of a harmonic well are exact, others to second order in the step.

    Args:
        force: −∇U of positions.
        starts: where the chains begin.
        temperature: 𝒯.
        curvature: least and largest eigenvalue of the Hessian about the starts, both above 0.
        seed: of the noise.
    """
    softest, stiffest = (float(np.sqrt(value)) for value in curvature)
    step, integrator = _STEP / stiffest, BAOAB()
    coefficients = integrator.coefficients(step, 2 * softest, temperature)
    between = max(1, min(int(_BETWEEN / softest / step), _MOST_STEPS // (2 * _SNAPSHOTS)))
    before = max(1, min(int(_MEMORIES / softest / step), _MOST_STEPS // 2))
    rng = np.random.default_rng(seed)
    phase = integrator.start(starts, temperature**0.5 * rng.standard_normal(starts.shape), force)
    kept = []
    for t in range(before + (_SNAPSHOTS - 1) * between + 1):
        phase = integrator.step(phase, force, rng.standard_normal((1, *starts.shape)), coefficients)
        if t >= before and (t - before) % between == 0:
            kept.append(phase.position)
    return np.concatenate(kept)
