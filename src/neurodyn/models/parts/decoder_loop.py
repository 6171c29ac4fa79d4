"""The decoder of LFADS over all bins: controller, inferred inputs, generator and factors, with a hand-written adjoint.

For t = 0 … T'−1, with masks D for dropout and e_t the noise of the inputs' posterior:

    f_{-1} = (D_0 g_{-1}) W_f
    c_t = GRU_c(encoded_t + (D f_{t-1}) W_cf, c_{t-1})      [m_t, ℓ_t] = c_t W_u + b_u      u_t = m_t + exp(ℓ_t / 2) e_t
    g_t = GRU_g(driven_t + u_t W_gu, g_{t-1})               f_t = (D_{t+1} g_t) W_f

Everything is time-major here. The adjoint runs one loop back over the bins; every weight gradient is then one product over all bins.
Without a controller only the generator runs. Source: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurodyn.models.parts.gru import advance_, exceeds, retreat_


@dataclass(frozen=True, eq=False)
class Controller:
    """What the controller brings to the loop."""

    encoded: Tensor
    """Its projected input, bias included, `(time, trial, 3 * controller)`."""
    first: Tensor
    """Its state before the first bin, `(trial, controller)`."""
    from_factors: Tensor
    """W_cf `(factor, 3 * controller)`."""
    recurrent: Tensor
    """Its recurrent weight `(controller, 3 * controller)`."""
    to_inputs: Tensor
    """W_u `(controller, 2 * input)`: means, then log variances."""
    inputs_bias: Tensor
    """b_u `(2 * input,)`."""
    to_generator: Tensor
    """W_gu `(input, 3 * generator)`."""
    noise: Tensor | None
    """Standard normal e `(time, trial, input)`; None feeds the posterior means."""
    factor_mask: Tensor | None
    """Dropout of the factors on their way to the controller, `(time, trial, factor)`."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What the loop went through, time-major."""

    factors: Tensor
    """`(time, trial, factor)`."""
    generator: Tensor
    """`(time, trial, generator)`, before dropout."""
    posterior: Tensor | None
    """Means and log variances of the inferred inputs, `(time, trial, 2 * input)`."""
    inputs: Tensor | None
    """Inferred inputs as fed to the generator, `(time, trial, input)`."""
    controller: Tensor | None
    """`(time, trial, controller)`."""


def decode_loop(
    first: Tensor,
    driven: Tensor,
    recurrent: Tensor,
    to_factors: Tensor,
    steps: int,
    *,
    controller: Controller | None = None,
    generator_mask: Tensor | None = None,
    clip: float = 5.0,
) -> Decoded:
    """Runs the decoder.

    Args:
        first: generator state before the first bin, g_{-1} `(trial, generator)`.
        driven: bias and known inputs, projected: `(3 * generator,)`, or `(time, trial, 3 * generator)`.
        recurrent: the generator's recurrent weight `(generator, 3 * generator)`.
        to_factors: W_f `(generator, factor)`.
        steps: number of bins.
        controller: the controller; None for a generator that runs alone.
        generator_mask: dropout of the generator on its way to the factors, `(time + 1, trial, generator)`.
        clip: largest absolute value of a state.
    """
    c = controller
    given = (
        (None,) * 7
        if c is None
        else (c.encoded, c.first, c.from_factors, c.recurrent, c.to_inputs, c.inputs_bias, c.to_generator)
    )
    noise, factor_mask = (None, None) if c is None else (c.noise, c.factor_mask)
    factors, generator, posterior, inputs, states = DecoderLoop.apply(  # type: ignore[no-untyped-call]
        first, driven, recurrent, to_factors, *given, noise, factor_mask, generator_mask, clip, steps
    )
    return Decoded(factors, generator, posterior, inputs, states)


class DecoderLoop(torch.autograd.Function):
    """The loop and its adjoint; call it through `decode_loop`."""

    @staticmethod
    def forward(
        ctx: Any,
        first: Tensor,
        driven: Tensor,
        wg: Tensor,
        w_factors: Tensor,
        encoded: Tensor | None,
        first_c: Tensor | None,
        w_cf: Tensor | None,
        wc: Tensor | None,
        w_inputs: Tensor | None,
        b_inputs: Tensor | None,
        w_gu: Tensor | None,
        noise: Tensor | None,
        factor_mask: Tensor | None,
        generator_mask: Tensor | None,
        clip: float,
        steps: int,
    ) -> tuple[Tensor | None, ...]:
        trials, size = first.shape
        new = first.new_empty
        g, gates = new(steps + 1, trials, size), new(steps, trials, 3 * size)
        reset_g, factors = new(steps, trials, size), new(steps + 1, trials, w_factors.shape[1])
        dropped = g if generator_mask is None else new(steps + 1, trials, size)
        g[0] = first
        clips = exceeds(clip, first) if first_c is None else exceeds(clip, first, first_c)
        halves_g = wg[:, : 2 * size], wg[:, 2 * size :]
        c = gates_c = reset_c = posterior = inputs = scaled_noise = seen = None
        if encoded is not None:
            assert first_c is not None and wc is not None and w_cf is not None and w_gu is not None
            assert w_inputs is not None and b_inputs is not None
            width, wide = wc.shape[0], w_gu.shape[0]
            halves_c = wc[:, : 2 * width], wc[:, 2 * width :]
            c, gates_c, reset_c = (
                new(steps + 1, trials, width),
                new(steps, trials, 3 * width),
                new(steps, trials, width),
            )
            posterior, inputs = new(steps, trials, 2 * wide), new(steps, trials, wide)
            scaled_noise = None if noise is None else new(steps, trials, wide)
            seen = factors if factor_mask is None else new(steps, trials, w_factors.shape[1])
            c[0] = first_c
        _factors_(g, dropped, generator_mask, factors, w_factors, 0)
        for t in range(steps):
            drive = driven if driven.ndim == 1 else driven[t]
            if c is not None:
                assert encoded is not None and gates_c is not None and reset_c is not None and seen is not None
                assert posterior is not None and inputs is not None and b_inputs is not None
                assert w_cf is not None and w_inputs is not None and w_gu is not None
                if factor_mask is not None:
                    torch.mul(factors[t], factor_mask[t], out=seen[t])
                torch.addmm(encoded[t], seen[t], w_cf, out=gates_c[t])
                advance_(gates_c[t], c[t], halves_c, reset_c[t], c[t + 1])
                if clips:
                    c[t + 1].clamp_(-clip, clip)
                post = torch.addmm(b_inputs, c[t + 1], w_inputs, out=posterior[t])
                if scaled_noise is None:
                    inputs[t] = post[:, :wide]
                else:
                    spread = torch.mul(post[:, wide:], 0.5, out=scaled_noise[t]).exp_().mul_(noise[t])  # type: ignore[index]
                    torch.add(post[:, :wide], spread, out=inputs[t])
                torch.addmm(drive, inputs[t], w_gu, out=gates[t])
            else:
                gates[t] = drive
            advance_(gates[t], g[t], halves_g, reset_g[t], g[t + 1])
            if clips:
                g[t + 1].clamp_(-clip, clip)
            _factors_(g, dropped, generator_mask, factors, w_factors, t + 1)
        ctx.save_for_backward(
            wg, w_factors, w_cf, wc, w_inputs, w_gu, g, gates, reset_g, dropped,
            c, gates_c, reset_c, inputs, scaled_noise, seen, factor_mask, generator_mask,
        )  # fmt: skip
        ctx.clip, ctx.clips, ctx.steps, ctx.constant_drive = clip, clips, steps, driven.ndim == 1
        ctx.set_materialize_grads(False)
        return factors[1:], g[1:], posterior, inputs, None if c is None else c[1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any,
        grad_factors: Tensor | None,
        grad_g: Tensor | None,
        grad_posterior: Tensor | None,
        grad_inputs: Tensor | None,
        grad_c: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        (wg, w_factors, w_cf, wc, w_inputs, w_gu, g, gates, reset_g, dropped,
         c, gates_c, reset_c, inputs, scaled_noise, seen, factor_mask, generator_mask) = ctx.saved_tensors  # fmt: skip
        steps, (trials, size), clip = ctx.steps, g.shape[1:], ctx.clip
        new = g.new_empty
        d_factors = new(steps + 1, trials, w_factors.shape[1])
        d_factors[0] = 0
        d_factors[1:] = 0 if grad_factors is None else grad_factors
        d_gates = new(steps, trials, 3 * size)
        zr_t, n_t, factors_t = _t(wg[:, : 2 * size]), _t(wg[:, 2 * size :]), _t(w_factors)
        dg, work = g.new_zeros(trials, size), [new(trials, size) for _ in range(3)]
        if c is not None:
            width, wide = wc.shape[0], w_gu.shape[0]
            d_gates_c, d_post = new(steps, trials, 3 * width), new(steps, trials, 2 * wide)
            c_zr_t, c_n_t = _t(wc[:, : 2 * width]), _t(wc[:, 2 * width :])
            cf_t, inputs_t, gu_t = _t(w_cf), _t(w_inputs), _t(w_gu)
            dc, work_c = g.new_zeros(trials, width), [new(trials, width) for _ in range(3)]
            half_noise, through = None if scaled_noise is None else 0.5 * scaled_noise, new(trials, w_factors.shape[1])
        for t in range(steps - 1, -1, -1):
            _factors_adjoint_(dg, d_factors[t + 1], factors_t, generator_mask, t + 1, work[0])
            if grad_g is not None:
                dg += grad_g[t]
            if ctx.clips:
                dg *= g[t + 1].abs() < clip
            kept = retreat_(dg, g[t], gates[t], d_gates[t], n_t, work, torch.mm)
            work[0], dg = dg, kept
            dg.addmm_(d_gates[t, :, : 2 * size], zr_t)
            if c is None:
                continue
            d_input = torch.mm(d_gates[t], gu_t, out=d_post[t, :, :wide])
            if grad_inputs is not None:
                d_input += grad_inputs[t]
            if half_noise is None:
                d_post[t, :, wide:] = 0
            else:
                torch.mul(d_input, half_noise[t], out=d_post[t, :, wide:])
            if grad_posterior is not None:
                d_post[t] += grad_posterior[t]
            dc.addmm_(d_post[t], inputs_t)
            if grad_c is not None:
                dc += grad_c[t]
            if ctx.clips:
                dc *= c[t + 1].abs() < clip
            kept = retreat_(dc, c[t], gates_c[t], d_gates_c[t], c_n_t, work_c, torch.mm)
            work_c[0], dc = dc, kept
            dc.addmm_(d_gates_c[t, :, : 2 * width], c_zr_t)
            if factor_mask is None:
                d_factors[t].addmm_(d_gates_c[t], cf_t)
            else:
                d_factors[t].addcmul_(torch.mm(d_gates_c[t], cf_t, out=through), factor_mask[t])
        _factors_adjoint_(dg, d_factors[0], factors_t, generator_mask, 0, work[0])
        d_wg = _recurrent_gradient(g, reset_g, d_gates)
        d_w_factors = _flat(dropped).t() @ _flat(d_factors)
        d_driven = _flat(d_gates).sum(0) if ctx.constant_drive else d_gates
        none = (None,) * 5
        if c is None:
            return dg, d_driven, d_wg, d_w_factors, *(None,) * 7, *none
        d_wc = _recurrent_gradient(c, reset_c, d_gates_c)
        d_w_cf = _flat(seen[:steps]).t() @ _flat(d_gates_c)
        d_w_inputs = _flat(c[1:]).t() @ _flat(d_post)
        d_w_gu = _flat(inputs).t() @ _flat(d_gates)
        return (
            dg,
            d_driven,
            d_wg,
            d_w_factors,
            d_gates_c,
            dc,
            d_w_cf,
            d_wc,
            d_w_inputs,
            _flat(d_post).sum(0),
            d_w_gu,
            *none,
        )


def _flat(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _t(w: Tensor) -> Tensor:
    return w.t().contiguous()


def _factors_(g: Tensor, dropped: Tensor, mask: Tensor | None, factors: Tensor, w_factors: Tensor, t: int) -> None:
    if mask is not None:
        torch.mul(g[t], mask[t], out=dropped[t])
    torch.mm(dropped[t], w_factors, out=factors[t])


def _factors_adjoint_(
    dg: Tensor, d_factors: Tensor, factors_t: Tensor, mask: Tensor | None, t: int, work: Tensor
) -> None:
    if mask is None:
        dg.addmm_(d_factors, factors_t)
    else:
        dg.addcmul_(torch.mm(d_factors, factors_t, out=work), mask[t])


def _recurrent_gradient(states: Tensor, reset_states: Tensor, d_gates: Tensor) -> Tensor:
    size = states.shape[2]
    flat = _flat(d_gates)
    out = flat.new_empty(size, 3 * size)
    torch.mm(_flat(states[:-1]).t(), flat[:, : 2 * size], out=out[:, : 2 * size])
    torch.mm(_flat(reset_states).t(), flat[:, 2 * size :], out=out[:, 2 * size :])
    return out
