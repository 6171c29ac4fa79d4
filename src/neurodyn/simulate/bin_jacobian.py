"""How some populations of a decision circuit move over a bin when they are nudged and all others keep their course."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.simulate.decision_circuit import DecisionCircuit


def bin_jacobian(
    circuit: DecisionCircuit,
    state: Float[Array, "row state"],
    current: Float[Array, "row state"],
    seen: slice,
    coupling: Float[Array, "seen seen"],
    *,
    step_s: float,
    substeps: int,
    integrator: Literal["euler", "rk4"] = "euler",
) -> Float[Array, "row seen seen"]:
    """∂S(end of the bin)/∂S(its start) of the populations `seen`, exact for the integrator: the product of its substeps' Jacobians.

    An Euler substep contributes I + h A, with A_ij = δ_ij (-1/τ - γ r_i) + γ (1 - S_i) f'(I_i) K_ji along the circuit's own course without noise; a Runge-Kutta 4
    substep the same combination of its four stages. Populations that are not seen keep the course they have without the nudge.

    Args:
        circuit: all populations; its currents set rates and slopes.
        state: at the start of the bin.
        current: external, in nA, held for the bin.
        seen: populations that are nudged and looked at.
        coupling: K, from each of these to each: the circuit's own, or a twin's under the input that leaves the currents as they are.
        step_s: h, of a substep.
        substeps: in a bin.
        integrator: of the simulation.
    """
    size = coupling.shape[0]
    unit, c = np.eye(size), circuit.config
    total = np.broadcast_to(unit, (len(state), size, size))

    def local(at: Array) -> Array:
        into = at @ circuit.coupling + c.background_na + current
        decay = (-1 / c.tau_s - c.saturation * circuit.transfer(into))[:, seen]
        gain = (c.saturation * (1 - at) * circuit.transfer_slope(into))[:, seen]
        return np.asarray(decay[:, :, None] * unit + gain[:, :, None] * coupling.T)

    for _ in range(substeps):
        slope, first = circuit.drift(state, current), local(state)
        moved = first
        if integrator == "rk4":
            at = state + step_s / 2 * slope
            second, slope_2 = local(at) @ (unit + step_s / 2 * first), circuit.drift(at, current)
            at = state + step_s / 2 * slope_2
            third, slope_3 = local(at) @ (unit + step_s / 2 * second), circuit.drift(at, current)
            at = state + step_s * slope_3
            fourth, slope_4 = local(at) @ (unit + step_s * third), circuit.drift(at, current)
            moved = (first + 2 * second + 2 * third + fourth) / 6
            slope = (slope + 2 * slope_2 + 2 * slope_3 + slope_4) / 6
        total = (unit + step_s * moved) @ total
        state = state + step_s * slope
    return np.asarray(total)
