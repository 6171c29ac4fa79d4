"""How deviations grow or fade along a path by the Jacobians on it: of a fitted model, and of the true system."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.data.trials import Trials
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator

_REACH = 0.1
"""Modes that move the latents less than this share of the one that moves them most are left out."""


def model_growth(
    learned: LearnedDynamics,
    states: Float[Array, "path time state"],
    drives: Float[Array, "path time input"],
    steps: Array,
    most: int,
) -> Float[Array, "path step mode"]:
    """|λ| of the generator's Jacobian over each step along given paths, with the inputs held: the largest of the modes that reach the latents.

    The Jacobian over a step is the product of those of its bins, at the state before each bin and with its input. A mode v reaches the latents by
    ‖Wᵀ v‖ / ‖v‖, with W the linear part of the map from states to latents.

    Args:
        learned: the model.
        states: the state at the end of each bin.
        drives: what `step` is given in each bin.
        steps: int `(step, 2)`: first bin and the one after the last that each step goes over; bin 0 has no state before it and is never part of one.
        most: modes to keep.
    """
    paths, bins, size = states.shape
    used = np.unique(np.concatenate([np.arange(first, last) for first, last in steps.tolist()]))
    before = states[:, used - 1].reshape(-1, size)
    found = learned.dynamics.jacobian(before, drives[:, used].reshape(len(before), -1))
    jacobians = np.zeros((paths, bins, size, size))
    jacobians[:, used] = found.reshape(paths, len(used), size, size)
    values, vectors = np.linalg.eig(products(jacobians, steps))
    reach = np.linalg.norm(np.swapaxes(_to_latents(learned), 0, 1) @ vectors, axis=-2)
    size_of = np.where(reach >= _REACH * reach.max(-1, keepdims=True), np.abs(values), 0.0)
    return np.asarray(np.sort(size_of, -1)[..., ::-1][..., :most])


def true_growth(
    simulator: Simulator,
    states: Float[Array, "path time state"],
    inputs: Float[Array, "path time input"] | None,
    steps: Array,
) -> Float[Array, "path step mode"]:
    """|λ| of the true Jacobian of the recorded latents over each step along given paths, largest first."""
    paths, bins, size = states.shape
    before = np.roll(states, 1, 1).reshape(-1, size)
    driven = None if inputs is None else inputs.reshape(len(before), -1)
    found = simulator.latent_jacobian(before, driven)
    values = np.linalg.eigvals(products(found.reshape(paths, bins, *found.shape[1:]), steps))
    return np.asarray(np.sort(np.abs(values), -1)[..., ::-1])


def true_inputs(simulator: Simulator, trials: Trials) -> Array | None:
    """What drives the simulator in each bin, `(trial, time, input)`, where the truth has it."""
    for name in ("stimulus", "inputs"):
        given = trials.truth.get(name)
        if given is not None and given.ndim == 3 and given.shape[2] == simulator.input_size:
            return np.asarray(given, float)
    return None


def products(jacobians: Float[Array, "path time out in"], steps: Array) -> Float[Array, "path step out in"]:
    """The Jacobian over each step: those of its bins, the latest first."""
    found = []
    for first, last in steps.tolist():
        total = jacobians[:, first]
        for t in range(first + 1, last):
            total = jacobians[:, t] @ total
        found.append(total)
    return np.stack(found, 1)


def _to_latents(learned: LearnedDynamics) -> Any:
    """W, `(state, latent)`: the linear part of the map from the model's states to its latents, by least squares over what was visited."""
    seen = learned.seen_test

    def fitted() -> Array:
        states, latents = seen.states[seen.mask], seen.latents[seen.mask]
        return np.asarray(np.linalg.lstsq(states - states.mean(0), latents - latents.mean(0), rcond=1e-10)[0])

    return learned.kept("states to latents", fitted)
