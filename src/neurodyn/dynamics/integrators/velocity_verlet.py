"""Velocity Verlet."""

from __future__ import annotations

from typing import Any, ClassVar

from neurodyn.dynamics.integrators.base import Coefficients, Force, Integrator, Numbers, Phase
from neurodyn.shapes import Float


class VelocityVerlet(Integrator):
    """Half kick, drift, half kick: the frictionless limit γ = 0 of BAOAB and OBABO, which keeps the energy.

    v ← v + (Δ/2) f;  z ← z + Δ v;  v ← v + (Δ/2) f. Damping and temperature do not enter, whatever they are, and no
    noise is read. Symplectic and reversible; from rest at q = 1 under U = k q²/2 the energy error stays below kΔ²/4.

    Source: Swope, Andersen, Berens & Wilson 1982, 10.1063/1.442716.
    """

    order: ClassVar = 2
    noises: ClassVar = 0
    stability: ClassVar = 2.0

    def friction(self, step: Any, damping: Any, temperature: Any) -> tuple[Any, Any]:
        return 1.0, 0.0

    def step(
        self, phase: Phase, force_of: Force, noise: Float[Numbers, "noises trial dimension"], coefficients: Coefficients
    ) -> Phase:
        half = coefficients.step / 2
        velocity = phase.velocity + half * phase.force
        position = phase.position + coefficients.step * velocity
        force = force_of(position)
        return Phase(position, velocity + half * force, force)
