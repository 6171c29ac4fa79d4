"""Adversarial twins: another local circuit that makes the same trajectories under another input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.decision_circuit import DecisionCircuit, mirrored_block

if TYPE_CHECKING:
    from neurodyn.simulate.two_area import TwoArea

STRUCTURES = (0.20, 0.35, 0.45)
"""Structures J_S' of the usual twins: with one, five and five fixed points without input."""


def input_for(
    circuit: DecisionCircuit, states: Float[Array, "*rows state"], slopes: Float[Array, "*rows state"]
) -> Float[Array, "*rows state"]:
    """The external current in nA under which a circuit at these states moves at these rates of change.

    I' = f⁻¹((dS/dt + S/τ) / (γ (1 - S))) - S J' - I_0. It exists for every trajectory whose firing rates are above zero; f is increasing.

    Args:
        circuit: the local circuit with coupling J'.
        states: S.
        slopes: dS/dt, in 1/s.

    Raises:
        InvalidInput: states at or above 1; a fall that is faster than the decay, which would take a rate of zero or less.
    """
    c = circuit.config
    if not (states < 1).all():
        raise InvalidInput("states", float(np.max(states)), "gating values below 1")
    rates = (slopes + states / c.tau_s) / (c.saturation * (1 - states))
    if not (rates > 0).all():
        fix = "A gating value cannot fall faster than it decays: use the increments of the circuit's own time step."
        raise InvalidInput(
            "slopes", f"a rate of {float(np.min(rates)):.3g} Hz", "trajectories of rates above 0 Hz", fix
        )
    return np.asarray(circuit.transfer_inverse(rates) - states @ circuit.coupling - c.background_na)


def input_for_steps(
    circuit: DecisionCircuit, path: Float[Array, "trial time state"], step_s: float
) -> Float[Array, "trial step state"]:
    """The currents in nA, one each Euler step, under which a circuit goes through a path: `input_for` with increments in place of derivatives.

    Rerun from the path's first state with these inputs, the circuit reproduces it to rounding, whatever its coupling.

    Args:
        circuit: the local circuit.
        path: states, one more than there are steps.
        step_s: of the Euler scheme.
    """
    return input_for(circuit, path[:, :-1], np.diff(path, axis=1) / step_s)


def rerun(
    circuit: DecisionCircuit,
    start: Float[Array, "trial state"],
    inputs: Float[Array, "trial step state"],
    step_s: float,
) -> Float[Array, "trial time state"]:
    """The path from a start under an input of its own in each Euler step; the start is its first state."""
    path = np.empty((len(start), inputs.shape[1] + 1, start.shape[1]))
    path[:, 0] = start
    for k in range(inputs.shape[1]):
        path[:, k + 1] = path[:, k] + step_s * circuit.drift(path[:, k], inputs[:, k])
    return path


def pulsed(
    circuit: DecisionCircuit,
    path: Float[Array, "trial time state"],
    pulses: Float[Array, "pulse step state"],
    step_s: float,
) -> tuple[Float[Array, "row step state"], Float[Array, "row step state"]]:
    """What pulses add to the states that a twin goes through, after each Euler step, and the rates in Hz at its start; the trials of one pulse after those of the other.

    Args:
        circuit: the twin's.
        path: states without the pulse, one more than there are steps.
        pulses: current in nA in each step, beside the input that makes the path.
        step_s: of the Euler scheme.
    """
    inputs, number = input_for_steps(circuit, path, step_s), len(pulses)
    with_pulse = (inputs + pulses[:, None]).reshape(-1, *inputs.shape[1:])
    base = np.concatenate([np.zeros_like(pulses[:1]), pulses])[:, None] + inputs  # the first is without
    whole = rerun(circuit, np.tile(path[:, 0], (number + 1, 1)), base.reshape(-1, *inputs.shape[1:]), step_s)
    alone, after = whole[: len(path)], whole[len(path) :]
    moved = after - np.tile(alone, (number, 1, 1))
    before = (np.tile(path, (number, 1, 1)) + moved)[:, :-1]
    into = before @ circuit.coupling + circuit.config.background_na + with_pulse
    return moved[:, 1:], circuit.transfer(into)


def twins_of(area: TwoArea, structures: Sequence[float] = STRUCTURES) -> dict[float, TwoArea]:
    """The twins of a two-area circuit recorded in PFC, by the structure of their PFC.

    Spikes, latents and currents are those of the circuit itself; `latent_jacobian`, fixed points, inputs and what a pulse does are not.

    Raises:
        InvalidInput: a circuit recorded elsewhere.
    """
    return {each: type(area)(dataclasses.replace(area.config, twin=each), area.task) for each in structures}


def as_twin(trials: Trials, structure: float) -> Trials:
    """The same trials as a twin has them: the same signals, rates, latents and states, with its `inputs` and its structure in the provenance.

    Args:
        trials: of `two_area`, recorded in PFC; a twin's own are welcome.
        structure: J_S' of the twin's PFC.

    Raises:
        InvalidInput: other trials.
    """
    options: Any = trials.provenance.get("simulator", {})
    if trials.name != "two_area" or options.get("recorded", "pfc") != "pfc" or "latents" not in trials.truth:
        raise InvalidInput("trials", trials.name, "trials of two_area, recorded in PFC", "Twins are of PFC alone.")
    old, tone = options.get("twin"), options["pfc"][1]
    before = mirrored_block(options["pfc"][0] if old is None else old, tone)
    moved = np.ascontiguousarray(trials.truth["latents"]) @ (before - mirrored_block(structure, tone))
    return dataclasses.replace(
        trials,
        truth={**trials.truth, "inputs": trials.truth["inputs"] + moved},
        provenance={**trials.provenance, "simulator": {**options, "twin": structure}},
    )
