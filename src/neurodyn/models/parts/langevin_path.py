"""The path of LangevinFlow: its prior kernel, the posterior that drives it, and their exact KL."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from neurodyn.dynamics.integrators.base import Coefficients, Integrator


class Drive(NamedTuple):
    """What moves a path besides the prior: ξ = a + e^ρ ε in observed bins, with a = encoded + feedback of where the path is. Steps lead **to** a bin, so there is none for the first."""

    encoded: Tensor
    """The part of a that the encoding says, `(step, noise, trial, dimension)`, observed bins alone; its length 0 means that nothing is inferred."""
    log_scale: Tensor
    """ρ, likewise."""
    feedback: Tensor | None
    """Gain `(2 dimension, noise * dimension)` on [z ; v] before the step; None without."""


class Path(NamedTuple):
    """A path through all bins."""

    states: Tensor
    """[z ; v] `(time, trial, 2 dimension)`."""
    inputs: Tensor
    """a `(step, noise, trial, dimension)` of the steps that are driven."""


def roll_path(
    integrator: Integrator,
    coefficients: Coefficients,
    force_of: Callable[[Tensor], Tensor],
    position: Tensor,
    velocity: Tensor,
    drive: Drive,
    noise: Tensor | None,
    steps: int,
) -> Path:
    """Runs the dynamics from the first bin on.

    Args:
        integrator, coefficients: the prior's kernel.
        force_of: −∇U of positions.
        position, velocity: of the first bin `(trial, dimension)`.
        drive: the posterior's; steps beyond it are the prior's.
        noise: ε `(step, noise, trial, dimension)`; None for the path of the means.
        steps: bins after the first.
    """
    driven, (trials, size) = len(drive.encoded), position.shape
    shocks: tuple[Tensor, ...] = ()
    if noise is not None:
        shocks = (*(drive.log_scale.exp() * noise[:driven]).unbind(), *noise[driven:].unbind())
    encoded = drive.encoded.unbind()  # bins taken one by one would each get a gradient of the whole
    still = position.new_zeros(integrator.noises, trials, size)
    phase = integrator.start(position, velocity, force_of)
    states, inputs = [torch.cat(phase[:2], 1)], []
    for t in range(steps):
        kick = shocks[t] if shocks else still
        if t < driven:
            given = encoded[t]
            if drive.feedback is not None:
                given = given + (states[-1] @ drive.feedback).view(trials, -1, size).transpose(0, 1)
            inputs.append(given)
            kick = given + kick
        phase = integrator.step(phase, force_of, kick, coefficients)
        states.append(torch.cat(phase[:2], 1))
    return Path(torch.stack(states), torch.stack(inputs) if inputs else drive.encoded)


def path_kl(inputs: Tensor, log_scale: Tensor) -> Tensor:
    """KL of the posterior's kernel from the prior's, for each step and trial `(step, trial)`.

    Both kernels share every part but the noise, N(a, e^2ρ) against N(0, 1), and all other parts are bijections: Σ ½ (a² + e^2ρ − 1) − ρ is exact for any potential.

    Args:
        inputs: a `(step, noise, trial, dimension)`.
        log_scale: ρ, likewise.

    >>> path_kl(torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 2, 3)).tolist()
    [[0.0, 0.0]]
    """
    each = 0.5 * (inputs.square() + torch.expm1(2 * log_scale)) - log_scale
    return each.sum((1, 3))
