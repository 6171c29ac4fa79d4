"""The decoder of LFADS over all bins: controller, inferred inputs, generator and factors, with a hand-written adjoint.

For t = 0 … T'−1, with masks D for dropout and e_t the noise of the inputs' posterior:

    f_{-1} = (D_0 g_{-1}) W_f
    c_t = GRU_c(encoded_t + (D f_{t-1}) W_cf, c_{t-1})      [m_t, ℓ_t] = c_t W_u + b_u      u_t = m_t + exp(ℓ_t / 2) e_t
    g_t = GRU_g(driven_t + u_t W_gu, g_{t-1})               f_t = (D_{t+1} g_t) W_f

Everything is time-major here. The adjoint runs one loop back over the bins; every weight gradient is then one product over all bins.
Without a controller only the generator runs. Source: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from neurodyn.models.parts.gru import advance_, bins_at_once, exceeds, recurrent_gradient_, retreat_
from neurodyn.models.parts.kernels import kernels


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
    to_factors: Tensor | None,
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
        to_factors: W_f `(generator, factor)`; None where factors are the states.
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
    """The loop and its adjoint; call it through `decode_loop`.

    Every tensor has a name (those of the equations; `u` are the inputs, `f` the factors, `d_x` is dL/dx), the same in the Python loops and in `kernels.cpp`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        first: Tensor,
        driven: Tensor,
        wg: Tensor,
        w_factors: Tensor | None,
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
        new, compiled = first.new_empty, kernels(first.device, first.dtype)
        if w_factors is None and compiled is not None:  # which has no loop without a map
            w_factors = torch.eye(size, device=first.device, dtype=first.dtype)
        factors = size if w_factors is None else w_factors.shape[1]
        given = dict(
            wg=wg, w_factors=w_factors, driven=driven, encoded=encoded, w_cf=w_cf, wc=wc, w_inputs=w_inputs,
            b_inputs=b_inputs, w_gu=w_gu, noise=noise, factor_mask=factor_mask, generator_mask=generator_mask,
        )  # fmt: skip
        b = SimpleNamespace(**(given if compiled is None else _dense(given)))
        b.g, b.gates, b.reset_g = new(steps + 1, trials, size), new(steps, trials, 3 * size), new(steps, trials, size)
        b.dropped = b.g if generator_mask is None else torch.empty_like(b.g)
        b.f = b.dropped if w_factors is None else new(steps + 1, trials, factors)
        b.g[0], b.c = first, None
        sizes = dict(steps=steps, trials=trials, size=size, factors=factors, constant_drive=int(driven.ndim == 1))
        if first_c is not None and wc is not None and w_gu is not None:
            width, inputs = sizes["width"], sizes["inputs"] = len(wc), len(w_gu)
            b.c, b.gates_c = new(steps + 1, trials, width), new(steps, trials, 3 * width)
            b.reset_c, b.posterior = new(steps, trials, width), new(steps, trials, 2 * inputs)
            b.u = new(steps, trials, inputs)
            b.scaled_noise = None if noise is None else torch.empty_like(b.u)
            b.seen = b.f if factor_mask is None else new(steps, trials, factors)
            b.c[0] = first_c
        starts = (first,) if first_c is None else (first, first_c)
        bound = clip if exceeds(clip, *starts) else None
        if compiled is not None:
            compiled("decoder_forward", bound, **sizes, **vars(b))
        else:
            _forward(b, bound)
        del b.encoded, b.noise, b.b_inputs  # the adjoint does not read them
        ctx.names, tensors = zip(*vars(b).items())
        ctx.save_for_backward(*tensors)
        ctx.compiled, ctx.sizes, ctx.bound = compiled, sizes, bound
        ctx.set_materialize_grads(False)
        if b.c is None:
            return b.f[1:], b.g[1:], None, None, None
        return b.f[1:], b.g[1:], b.posterior, b.u, b.c[1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any,
        grad_f: Tensor | None,
        grad_g: Tensor | None,
        grad_posterior: Tensor | None,
        grad_u: Tensor | None,
        grad_c: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        b = SimpleNamespace(**dict(zip(ctx.names, ctx.saved_tensors)))
        compiled, sizes = ctx.compiled, ctx.sizes
        steps, trials, size, constant_drive = (sizes[n] for n in ("steps", "trials", "size", "constant_drive"))
        chunk = steps if compiled is None or not constant_drive else bins_at_once(steps, trials)
        new, zeros = b.g.new_empty, b.g.new_zeros
        vars(b).update(_dense(dict(grad_g=grad_g, grad_posterior=grad_posterior, grad_u=grad_u, grad_c=grad_c)))
        b.d_f, b.d_gates, b.d_g = torch.empty_like(b.f), new(chunk, trials, 3 * size), zeros(trials, size)
        b.d_f[0] = 0
        b.d_f[1:] = 0 if grad_f is None else grad_f
        b.d_wg = zeros(b.wg.shape)
        b.d_w_factors = None if b.w_factors is None else zeros(b.w_factors.shape)
        b.d_driven = zeros(3 * size) if constant_drive else b.d_gates
        most = max(size, sizes.get("width", 0), sizes.get("inputs", 0))
        b.work = new((trials + 3) * (most + sizes["factors"]))
        if b.c is not None:
            b.d_gates_c, b.d_posterior = torch.empty_like(b.gates_c), torch.empty_like(b.posterior)
            b.d_c = zeros(trials, sizes["width"])
            b.d_w_cf, b.d_wc, b.d_w_gu = zeros(b.w_cf.shape), zeros(b.wc.shape), zeros(b.w_gu.shape)
            b.d_w_inputs, b.d_b_inputs = zeros(b.w_inputs.shape), zeros(2 * sizes["inputs"])
        if compiled is not None:
            compiled("decoder_backward", ctx.bound, **sizes, chunk=chunk, **vars(b))
        else:
            _backward(b, ctx.bound)
        none = (None,) * 5
        generator = (b.d_g, b.d_driven, b.d_wg, b.d_w_factors if ctx.needs_input_grad[3] else None)
        if b.c is None:
            return *generator, *(None,) * 7, *none
        controller = (b.d_gates_c, b.d_c, b.d_w_cf, b.d_wc, b.d_w_inputs, b.d_b_inputs, b.d_w_gu)
        return *generator, *controller, *none


def _dense(tensors: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
    return {name: None if x is None else x.contiguous() for name, x in tensors.items()}


# -- the loops in Python ---------------------------------------------------------------------------------------------


def _forward(b: SimpleNamespace, bound: float | None) -> None:
    steps, _, size = b.reset_g.shape
    halves_g = b.wg[:, : 2 * size], b.wg[:, 2 * size :]
    if b.c is not None:
        width, inputs = b.reset_c.shape[2], b.u.shape[2]
        halves_c = b.wc[:, : 2 * width], b.wc[:, 2 * width :]
    _factors_(b, 0)
    for t in range(steps):
        drive = b.driven if b.driven.ndim == 1 else b.driven[t]
        if b.c is not None:
            if b.factor_mask is not None:
                torch.mul(b.f[t], b.factor_mask[t], out=b.seen[t])
            torch.addmm(b.encoded[t], b.seen[t], b.w_cf, out=b.gates_c[t])
            advance_(b.gates_c[t], b.c[t], halves_c, b.reset_c[t], b.c[t + 1])
            if bound is not None:
                b.c[t + 1].clamp_(-bound, bound)
            post = torch.addmm(b.b_inputs, b.c[t + 1], b.w_inputs, out=b.posterior[t])
            if b.noise is None:
                b.u[t] = post[:, :inputs]
            else:
                spread = torch.mul(post[:, inputs:], 0.5, out=b.scaled_noise[t]).exp_().mul_(b.noise[t])
                torch.add(post[:, :inputs], spread, out=b.u[t])
            torch.addmm(drive, b.u[t], b.w_gu, out=b.gates[t])
        else:
            b.gates[t] = drive
        advance_(b.gates[t], b.g[t], halves_g, b.reset_g[t], b.g[t + 1])
        if bound is not None:
            b.g[t + 1].clamp_(-bound, bound)
        _factors_(b, t + 1)


def _backward(b: SimpleNamespace, bound: float | None) -> None:
    steps, trials, size = b.reset_g.shape
    new = b.g.new_empty
    zr_t, n_t = _t(b.wg[:, : 2 * size]), _t(b.wg[:, 2 * size :])
    factors_t = None if b.w_factors is None else _t(b.w_factors)
    work = [new(trials, size) for _ in range(3)]
    if b.c is not None:
        width, inputs = b.reset_c.shape[2], b.u.shape[2]
        c_zr_t, c_n_t = _t(b.wc[:, : 2 * width]), _t(b.wc[:, 2 * width :])
        cf_t, inputs_t, gu_t = _t(b.w_cf), _t(b.w_inputs), _t(b.w_gu)
        work_c, through = [new(trials, width) for _ in range(3)], torch.empty_like(b.f[0])
        half_noise = None if b.scaled_noise is None else 0.5 * b.scaled_noise
    for t in range(steps - 1, -1, -1):
        _factors_adjoint_(b, factors_t, t + 1, work[0])
        if b.grad_g is not None:
            b.d_g += b.grad_g[t]
        if bound is not None:
            b.d_g *= b.g[t + 1].abs() < bound
        kept = retreat_(b.d_g, b.g[t], b.gates[t], b.d_gates[t], n_t, work, torch.mm)
        work[0], b.d_g = b.d_g, kept
        b.d_g.addmm_(b.d_gates[t, :, : 2 * size], zr_t)
        if b.c is None:
            continue
        d_input = torch.mm(b.d_gates[t], gu_t, out=b.d_posterior[t, :, :inputs])
        if b.grad_u is not None:
            d_input += b.grad_u[t]
        if half_noise is None:
            b.d_posterior[t, :, inputs:] = 0
        else:
            torch.mul(d_input, half_noise[t], out=b.d_posterior[t, :, inputs:])
        if b.grad_posterior is not None:
            b.d_posterior[t] += b.grad_posterior[t]
        b.d_c.addmm_(b.d_posterior[t], inputs_t)
        if b.grad_c is not None:
            b.d_c += b.grad_c[t]
        if bound is not None:
            b.d_c *= b.c[t + 1].abs() < bound
        kept = retreat_(b.d_c, b.c[t], b.gates_c[t], b.d_gates_c[t], c_n_t, work_c, torch.mm)
        work_c[0], b.d_c = b.d_c, kept
        b.d_c.addmm_(b.d_gates_c[t, :, : 2 * width], c_zr_t)
        if b.factor_mask is None:
            b.d_f[t].addmm_(b.d_gates_c[t], cf_t)
        else:
            b.d_f[t].addcmul_(torch.mm(b.d_gates_c[t], cf_t, out=through), b.factor_mask[t])
    _factors_adjoint_(b, factors_t, 0, work[0])
    _weight_gradients_(b)


def _weight_gradients_(b: SimpleNamespace) -> None:
    """One product over all bins each."""
    flat = _flat(b.d_gates)
    recurrent_gradient_(b.d_wg[None], b.g[None], b.reset_g[None], flat[None])
    if b.w_factors is not None:
        torch.mm(_flat(b.dropped).t(), _flat(b.d_f), out=b.d_w_factors)
    if b.driven.ndim == 1:
        torch.sum(flat, 0, out=b.d_driven)
    if b.c is None:
        return
    flat_c, flat_posterior = _flat(b.d_gates_c), _flat(b.d_posterior)
    recurrent_gradient_(b.d_wc[None], b.c[None], b.reset_c[None], flat_c[None])
    torch.mm(_flat(b.seen[: len(b.u)]).t(), flat_c, out=b.d_w_cf)
    torch.mm(_flat(b.c[1:]).t(), flat_posterior, out=b.d_w_inputs)
    torch.sum(flat_posterior, 0, out=b.d_b_inputs)
    torch.mm(_flat(b.u).t(), flat, out=b.d_w_gu)


def _flat(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _t(w: Tensor) -> Tensor:
    return w.t().contiguous()


def _factors_(b: SimpleNamespace, t: int) -> None:
    if b.generator_mask is not None:
        torch.mul(b.g[t], b.generator_mask[t], out=b.dropped[t])
    if b.w_factors is not None:  # else the factors are the states that were just masked
        torch.mm(b.dropped[t], b.w_factors, out=b.f[t])


def _factors_adjoint_(b: SimpleNamespace, factors_t: Tensor | None, t: int, work: Tensor) -> None:
    if b.generator_mask is not None:
        through = b.d_f[t] if factors_t is None else torch.mm(b.d_f[t], factors_t, out=work)
        b.d_g.addcmul_(through, b.generator_mask[t])
    elif factors_t is None:
        b.d_g += b.d_f[t]
    else:
        b.d_g.addmm_(b.d_f[t], factors_t)
