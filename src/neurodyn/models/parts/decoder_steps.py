"""The decoder of LFADS for any generator: the same steps as `decoder_loop`, in plain differentiable operations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurodyn.models.parts.decoder_loop import Controller, Decoded
from neurodyn.models.parts.gru import clipped_gru_step


def decode_steps(
    first: Tensor,
    known: Tensor | None,
    generator: Callable[[Tensor, Tensor], Tensor],
    to_factors: Tensor | None,
    steps: int,
    *,
    controller: Controller | None = None,
    generator_mask: Tensor | None = None,
    clip: float = 5.0,
) -> Decoded:
    """Runs the decoder.

    Args:
        first: generator state before the first bin `(trial, generator)`.
        known: known inputs `(time, trial, input)`; None for none.
        generator: from inputs (inferred, then known) and states to the next states.
        to_factors: W_f `(generator, factor)`; None where factors are the states.
        steps: number of bins.
        controller: the controller; its `to_generator` is not used.
        generator_mask: dropout of the generator on its way to the factors, `(time + 1, trial, generator)`.
        clip: largest absolute value of the controller's state.
    """

    def factors_of(state: Tensor, t: int) -> Tensor:
        seen = state if generator_mask is None else state * generator_mask[t]
        return seen if to_factors is None else seen @ to_factors

    state, c = first, controller
    none = first.new_zeros(len(first), 0)
    control = None if c is None else c.first
    factor = None if c is None else factors_of(first, 0)
    states, inputs, posterior, controls = [], [], [], []
    for t in range(steps):
        given = none if known is None else known[t]
        if c is not None:
            assert control is not None and factor is not None
            seen = factor if c.factor_mask is None else factor * c.factor_mask[t]
            control = clipped_gru_step(torch.addmm(c.encoded[t], seen, c.from_factors), control, c.recurrent, clip)
            both = torch.addmm(c.inputs_bias, control, c.to_inputs)
            mean, log_variance = both.chunk(2, 1)
            inferred = mean if c.noise is None else torch.addcmul(mean, torch.exp(0.5 * log_variance), c.noise[t])
            inputs.append(inferred)
            posterior.append(both)
            controls.append(control)
            given = torch.cat([inferred, given], 1)
        state = generator(given, state)
        states.append(state)
        if c is not None:
            factor = factors_of(state, t + 1)
    trajectory = torch.stack(states)
    seen = trajectory if generator_mask is None else trajectory * generator_mask[1:]
    return Decoded(
        factors=seen if to_factors is None else seen @ to_factors,
        generator=trajectory,
        posterior=torch.stack(posterior) if posterior else None,
        inputs=torch.stack(inputs) if inputs else None,
        controller=torch.stack(controls) if controls else None,
    )
