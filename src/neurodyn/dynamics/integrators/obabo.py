"""The OBABO splitting."""

from __future__ import annotations

from typing import ClassVar

from neurodyn.dynamics.integrators.base import Coefficients, Force, Integrator, Numbers, Phase
from neurodyn.shapes import Float


class OBABO(Integrator):
    """Friction and noise, velocity Verlet, friction and noise: velocities of a harmonic force are exactly Maxwell's.

    v ← c v + s ξ₁;  v ← v + (Δ/2) f;  z ← z + Δ v;  v ← v + (Δ/2) f;  v ← c v + s ξ₂, with c = exp(−γΔ/2) and s² = 𝒯 (1 − c²).
    Under U = k q²/2: ⟨q²⟩ = 𝒯 / (k (1 − kΔ²/4)) and ⟨v²⟩ = 𝒯, for any damping.

    Source: Bussi & Parrinello 2007, 10.1103/PhysRevE.75.056707.
    """

    order: ClassVar = 2
    noises: ClassVar = 2
    stability: ClassVar = 2.0

    def step(
        self, phase: Phase, force_of: Force, noise: Float[Numbers, "noises trial dimension"], coefficients: Coefficients
    ) -> Phase:
        half, decay, spread = coefficients.step / 2, coefficients.decay, coefficients.spread
        velocity = coefficients.decay * phase.velocity + spread * noise[0]
        velocity = velocity + half * phase.force
        position = phase.position + coefficients.step * velocity
        force = force_of(position)
        velocity = velocity + half * force
        return Phase(position, decay * velocity + spread * noise[1], force)
