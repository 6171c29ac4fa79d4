"""The step of LangevinFlow's public code."""

from __future__ import annotations

from typing import Any, ClassVar

from neurodyn.dynamics.integrators.base import Coefficients, Force, Integrator, Numbers, Phase
from neurodyn.shapes import Float


class Release(Integrator):
    """The step of LangevinFlow's public code, for parity: explicit Euler from the old position, friction and noise a bin, whatever the step.

    z' = z + Δ v;  v' = (1 − γ) (v + Δ f(z)) + √(2γ𝒯) ξ. Neither γ nor the noise is scaled by Δ, and the noise does not balance the friction: with 𝒯 = 1
    velocities settle at a variance of 2γ / (1 − (1 − γ)²), not 1. A harmonic force is stable while kΔ² < γ / (1 − γ).

    Source: Song, Keller, Yue, Perona & Welling 2025, arXiv:2507.11531, its code (which has 𝒯 = 1 and Δ = 0.01).
    """

    order: ClassVar = 1
    noises: ClassVar = 1
    damping_per_step: ClassVar = True
    stability: ClassVar = 0.0

    def friction(self, step: Any, damping: Any, temperature: Any) -> tuple[Any, Any]:
        return 1 - damping, (2 * damping * temperature) ** 0.5

    def limit(self, step: float, damping: float) -> float:
        return (damping / (1 - damping)) ** 0.5 if damping < 1 else 0.0

    def step(
        self, phase: Phase, force_of: Force, noise: Float[Numbers, "noises trial dimension"], coefficients: Coefficients
    ) -> Phase:
        delta = coefficients.step
        position = phase.position + delta * phase.velocity
        velocity = coefficients.decay * (phase.velocity + delta * phase.force) + coefficients.spread * noise[0]
        return Phase(position, velocity, force_of(position))
