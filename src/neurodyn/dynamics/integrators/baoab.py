"""The BAOAB splitting."""

from __future__ import annotations

from typing import ClassVar

from neurodyn.dynamics.integrators.base import Coefficients, Force, Integrator, Numbers, Phase
from neurodyn.shapes import Float


class BAOAB(Integrator):
    """Half kick, half drift, friction and noise, half drift, half kick: positions of a harmonic force are exactly Boltzmann.

    v ← v + (Δ/2) f;  z ← z + (Δ/2) v;  v ← c v + s ξ;  z ← z + (Δ/2) v;  v ← v + (Δ/2) f, with c = exp(−γΔ) and s² = 𝒯 (1 − c²).
    Under U = k q²/2: ⟨q²⟩ = 𝒯/k and ⟨v²⟩ = 𝒯 (1 − kΔ²/4), for any damping.

    Source: Leimkuhler & Matthews 2013, 10.1093/amrx/abs010.
    """

    order: ClassVar = 2
    noises: ClassVar = 1
    stability: ClassVar = 2.0

    def step(
        self, phase: Phase, force_of: Force, noise: Float[Numbers, "noises trial dimension"], coefficients: Coefficients
    ) -> Phase:
        half = coefficients.step / 2
        velocity = phase.velocity + half * phase.force
        position = phase.position + half * velocity
        velocity = coefficients.decay * velocity + coefficients.spread * noise[0]
        position = position + half * velocity
        force = force_of(position)
        return Phase(position, velocity + half * force, force)
