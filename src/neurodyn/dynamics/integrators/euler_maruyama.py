"""The Euler-Maruyama scheme."""

from __future__ import annotations

from typing import Any, ClassVar

from neurodyn.dynamics.integrators.base import Coefficients, Force, Integrator, Numbers, Phase
from neurodyn.shapes import Float


class EulerMaruyama(Integrator):
    """Both updates from the old position and velocity: the plainest scheme, of first order.

    z' = z + Δ v;  v' = (1 − γΔ) v + Δ f(z) + √(2γ𝒯Δ) ξ. Without friction every oscillation gains energy, E ← (1 + kΔ²) E; with it a harmonic force is
    stable while kΔ < γ < 2/Δ.

    Source: Kloeden & Platen 1992, 10.1007/978-3-662-12616-5, section 10.2.
    """

    order: ClassVar = 1
    noises: ClassVar = 1
    stability: ClassVar = 0.0

    def friction(self, step: Any, damping: Any, temperature: Any) -> tuple[Any, Any]:
        return 1 - damping * step, (2 * damping * temperature * step) ** 0.5

    def limit(self, step: float, damping: float) -> float:
        return (damping * step) ** 0.5 if damping * step < 2 else 0.0

    def step(
        self, phase: Phase, force_of: Force, noise: Float[Numbers, "noises trial dimension"], coefficients: Coefficients
    ) -> Phase:
        delta = coefficients.step
        position = phase.position + delta * phase.velocity
        velocity = coefficients.decay * phase.velocity + delta * phase.force + coefficients.spread * noise[0]
        return Phase(position, velocity, force_of(position))
