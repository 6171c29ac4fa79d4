"""The decoder of multi-area LFADS over all bins, every step of all areas at once, with a hand-written adjoint.

For t = 0 … T'−1, area b among A, with masks D for dropout and e_t the noise of the inputs' posterior:

    f_{-1} = (D_0 g_{-1}) W_f       p_s = p_{-1} for s < −1       p_t^b = [f_t^1 … f_t^A] W_m^b       (b's own factors have zero weights)
    c_t = GRU_c(encoded_t + (D f_{t-1}) W_cf, c_{t-1})            [μ_t, ℓ_t] = c_t W_u + b_u          u_t = μ_t + exp(ℓ_t / 2) e_t
    m_t = Σ_{d=1}^{delays} w_d ⊙ p_{t-d}                          g_t = GRU_g([m_t, u_t], g_{t-1})     f_t = (D_{t+1} g_t) W_f

Areas are the batch of every product. Each area has weights and states of its own; only p sees another area's. The GRU is that of `neurodyn.models.parts.gru`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from neurodyn.models.parts.gru import exceeds, recurrent_gradient_, retreat_


@dataclass(frozen=True, eq=False)
class AreaWeights:
    """Weights and states of the decoder; the first axis of each is the area, but of the delays'."""

    first: Tensor
    """Generator states before the first bin, g_{-1} `(area, trial, generator)`."""
    bias: Tensor
    """Of the generators, `(area, 1, 3 * generator)`."""
    to_generator: Tensor
    """Weights of messages and private inputs, `(area, message + input, 3 * generator)`."""
    recurrent: Tensor
    """`(area, generator, 3 * generator)`."""
    to_factors: Tensor
    """W_f `(area, generator, factor)`."""
    to_messages: Tensor | None
    """W_m from all areas' factors to the messages into an area, `(area, areas * factor, message)`; None without messages."""
    delays: Tensor | None
    """w `(delay, area, 1, message)`, the shortest delay, one bin, first."""


@dataclass(frozen=True, eq=False)
class AreaControllers:
    """What infers the private inputs."""

    encoded: Tensor
    """Projected input of the controllers, bias included, `(area, time, trial, 3 * controller)`."""
    first: Tensor
    """Their states before the first bin, `(area, trial, controller)`."""
    from_factors: Tensor
    """W_cf `(area, factor, 3 * controller)`."""
    recurrent: Tensor
    """`(area, controller, 3 * controller)`."""
    to_inputs: Tensor
    """W_u `(area, controller, 2 * input)`: means, then log variances."""
    inputs_bias: Tensor
    """b_u `(area, 1, 2 * input)`."""
    noise: Tensor | None
    """Standard normal e `(area, time, trial, input)`; None feeds the posterior means."""
    factor_mask: Tensor | None
    """Dropout of the factors on their way to the controllers, `(area, time, trial, factor)`."""


@dataclass(frozen=True, eq=False)
class DecodedAreas:
    """What the loop went through, area by area."""

    factors: Tensor
    """`(area, time, trial, factor)`."""
    generator: Tensor
    """`(area, time, trial, generator)`, before dropout."""
    inputs: Tensor
    """Messages into the area, then its private inputs, as fed to its generator: `(area, time, trial, message + input)`."""
    posterior: Tensor | None
    """Means and log variances of the private inputs, `(area, time, trial, 2 * input)`."""
    controller: Tensor | None
    """`(area, time, trial, controller)`."""


def decode_areas(
    weights: AreaWeights,
    steps: int,
    controllers: AreaControllers | None = None,
    generator_mask: Tensor | None = None,
    clip: float = 5.0,
) -> DecodedAreas:
    """Runs the decoder.

    Args:
        weights: of the generators and the messages.
        steps: number of bins.
        controllers: what infers private inputs; None for none.
        generator_mask: dropout of the generators on their way to the factors, `(area, time + 1, trial, generator)`.
        clip: largest absolute value of a state.
    """
    w, c = weights, controllers
    given = (None,) * 6 if c is None else (c.encoded, c.first, c.from_factors, c.recurrent, c.to_inputs, c.inputs_bias)
    noise, factor_mask = (None, None) if c is None else (c.noise, c.factor_mask)
    found = AreaLoop.apply(  # type: ignore[no-untyped-call]
        *(w.first, w.bias, w.to_generator, w.recurrent, w.to_factors, w.to_messages, w.delays),
        *(*given, noise, factor_mask, generator_mask, clip, steps),
    )
    return DecodedAreas(*found)


class AreaLoop(torch.autograd.Function):
    """The loop and its adjoint; call it through `decode_areas`. Names are those of the equations; `d_x` is dL/dx."""

    @staticmethod
    def forward(
        ctx: Any,
        first: Tensor,
        bias: Tensor,
        w_x: Tensor,
        w_g: Tensor,
        w_f: Tensor,
        w_m: Tensor | None,
        delays: Tensor | None,
        encoded: Tensor | None,
        first_c: Tensor | None,
        w_cf: Tensor | None,
        w_c: Tensor | None,
        w_u: Tensor | None,
        b_u: Tensor | None,
        noise: Tensor | None,
        factor_mask: Tensor | None,
        generator_mask: Tensor | None,
        clip: float,
        steps: int,
    ) -> tuple[Tensor | None, ...]:
        areas, trials, size = first.shape
        new = first.new_empty
        b = SimpleNamespace(
            w_x=w_x, w_g=w_g, w_f=w_f, w_m=w_m, delays=delays, encoded=encoded, w_cf=w_cf, w_c=w_c, w_u=w_u,
            noise=noise, factor_mask=factor_mask, generator_mask=generator_mask,
        )  # fmt: skip
        b.g, b.f = new(areas, steps + 1, trials, size), new(areas, steps + 1, trials, w_f.shape[2])
        b.gates, b.reset_g = new(areas, steps, trials, 3 * size), new(areas, steps, trials, size)
        b.dropped = b.g if generator_mask is None else torch.empty_like(b.g)
        b.x = new(areas, steps, trials, w_x.shape[1])
        b.p = b.c = None
        b.g[:, 0] = first
        if w_m is not None and delays is not None:
            b.p = new(len(delays) + steps, areas, trials, w_m.shape[2])
        if first_c is not None and w_u is not None:
            width = first_c.shape[2]
            b.c, b.gates_c = new(areas, steps + 1, trials, width), new(areas, steps, trials, 3 * width)
            b.reset_c, b.posterior = new(areas, steps, trials, width), new(areas, steps, trials, w_u.shape[2])
            b.seen = b.f if factor_mask is None else new(areas, steps, trials, w_f.shape[2])
            b.spread = None
            b.c[:, 0] = first_c
        starts = (first,) if first_c is None else (first, first_c)
        ctx.bound = clip if exceeds(clip, *starts) else None
        _forward(b, bias, b_u, ctx.bound)
        del b.encoded, b.noise  # the adjoint does not read them
        ctx.names, tensors = zip(*vars(b).items())
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        if b.c is None:
            return b.f[:, 1:], b.g[:, 1:], b.x, None, None
        return b.f[:, 1:], b.g[:, 1:], b.x, b.posterior, b.c[:, 1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any,
        grad_f: Tensor | None,
        grad_g: Tensor | None,
        grad_x: Tensor | None,
        grad_posterior: Tensor | None,
        grad_c: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        b = SimpleNamespace(**dict(zip(ctx.names, ctx.saved_tensors)))
        b.grad_g, b.grad_x, b.grad_posterior, b.grad_c = grad_g, grad_x, grad_posterior, grad_c
        b.d_f, b.d_gates, b.d_x = torch.zeros_like(b.f), torch.empty_like(b.gates), torch.empty_like(b.x)
        if grad_f is not None:
            b.d_f[:, 1:] = grad_f
        b.d_g = torch.zeros_like(b.g[:, 0])
        b.d_p = None if b.p is None else torch.zeros_like(b.p)
        if b.c is not None:
            b.d_gates_c, b.d_posterior = torch.empty_like(b.gates_c), torch.zeros_like(b.posterior)
            b.d_c = torch.zeros_like(b.c[:, 0])
        _backward(b, ctx.bound)
        return *_weight_gradients(b), *(None,) * 5


# -- the loops -------------------------------------------------------------------------------------------------------


def _forward(b: SimpleNamespace, bias: Tensor, b_u: Tensor | None, bound: float | None) -> None:
    g, f, x, gates, reset_g = (each.unbind(1) for each in (b.g, b.f, b.x, b.gates, b.reset_g))
    delays = 0 if b.p is None else len(b.delays)
    latest_last = None if b.p is None else b.delays.flip(0)
    _factors_(b, 0)
    if b.p is not None:
        b.p[:delays] = _messages(b, 0)
    if b.c is not None:
        c, gates_c, reset_c, posterior = (each.unbind(1) for each in (b.c, b.gates_c, b.reset_c, b.posterior))
        encoded, seen = b.encoded.unbind(1), b.seen.unbind(1)
        inputs = b.w_u.shape[2] // 2
        if b.noise is not None:
            b.spread = torch.empty_like(b.noise)
    messages = 0 if b.p is None else b.p.shape[3]
    for t in range(len(x)):
        if b.c is not None:
            if b.factor_mask is not None:
                torch.mul(f[t], b.factor_mask[:, t], out=seen[t])
            torch.baddbmm(encoded[t], seen[t], b.w_cf, out=gates_c[t])
            _advance_(gates_c[t], c[t], b.w_c, reset_c[t], c[t + 1], bound)
            assert b_u is not None
            post = torch.baddbmm(b_u, c[t + 1], b.w_u, out=posterior[t])
            if b.spread is None:
                x[t][..., messages:] = post[..., :inputs]
            else:
                spread = torch.mul(post[..., inputs:], 0.5, out=b.spread[:, t]).exp_().mul_(b.noise[:, t])
                torch.add(post[..., :inputs], spread, out=x[t][..., messages:])
        if b.p is not None:
            torch.sum(b.p[t : t + delays] * latest_last, 0, out=x[t][..., :messages])
        torch.baddbmm(bias, x[t], b.w_x, out=gates[t])
        _advance_(gates[t], g[t], b.w_g, reset_g[t], g[t + 1], bound)
        _factors_(b, t + 1)
        if b.p is not None:
            b.p[t + delays] = _messages(b, t + 1)


def _backward(b: SimpleNamespace, bound: float | None) -> None:
    size = b.g.shape[3]
    zr_t, n_t = _t(b.w_g[..., : 2 * size]), _t(b.w_g[..., 2 * size :])
    x_t = _t(b.w_x)
    work = [torch.empty_like(b.d_g) for _ in range(3)]
    delays = 0 if b.p is None else len(b.delays)
    latest_last = None if b.p is None else b.delays.flip(0)
    messages = 0 if b.p is None else b.p.shape[3]
    if b.c is not None:
        width, inputs = b.c.shape[3], b.w_u.shape[2] // 2
        c_zr_t, c_n_t = _t(b.w_c[..., : 2 * width]), _t(b.w_c[..., 2 * width :])
        cf_t, u_t = _t(b.w_cf), _t(b.w_u)
        work_c = [torch.empty_like(b.d_c) for _ in range(3)]
    for t in range(b.x.shape[1] - 1, -1, -1):
        if b.p is not None:
            _messages_adjoint_(b, b.d_p[t + delays], t + 1)
        _factors_adjoint_(b, t + 1)
        if b.grad_g is not None:
            b.d_g += b.grad_g[:, t]
        if bound is not None:
            b.d_g *= b.g[:, t + 1].abs() < bound
        kept = retreat_(b.d_g, b.g[:, t], b.gates[:, t], b.d_gates[:, t], n_t, work, torch.bmm)
        work[0], b.d_g = b.d_g, kept
        b.d_g.baddbmm_(b.d_gates[:, t, :, : 2 * size], zr_t)
        d_x = b.d_x[:, t]
        d_x.copy_(torch.bmm(b.d_gates[:, t], x_t))
        if b.grad_x is not None:
            d_x += b.grad_x[:, t]
        if b.p is not None:
            b.d_p[t : t + delays].addcmul_(d_x[..., :messages][None], latest_last)
        if b.c is None:
            continue
        d_posterior = b.d_posterior[:, t]
        d_posterior[..., :inputs] = d_x[..., messages:]
        if b.spread is not None:
            torch.mul(d_x[..., messages:], 0.5 * b.spread[:, t], out=d_posterior[..., inputs:])
        if b.grad_posterior is not None:
            d_posterior += b.grad_posterior[:, t]
        b.d_c.baddbmm_(d_posterior, u_t)
        if b.grad_c is not None:
            b.d_c += b.grad_c[:, t]
        if bound is not None:
            b.d_c *= b.c[:, t + 1].abs() < bound
        kept = retreat_(b.d_c, b.c[:, t], b.gates_c[:, t], b.d_gates_c[:, t], c_n_t, work_c, torch.bmm)
        work_c[0], b.d_c = b.d_c, kept
        b.d_c.baddbmm_(b.d_gates_c[:, t, :, : 2 * width], c_zr_t)
        through = torch.bmm(b.d_gates_c[:, t], cf_t)
        b.d_f[:, t] += through if b.factor_mask is None else through.mul_(b.factor_mask[:, t])
    if b.p is not None:
        b.d_p[delays - 1] = b.d_p[:delays].sum(0)  # before the first bin all are the same
        _messages_adjoint_(b, b.d_p[delays - 1], 0)
    _factors_adjoint_(b, 0)


def _weight_gradients(b: SimpleNamespace) -> tuple[Tensor | None, ...]:
    """Gradients of everything that is trained, in the order of `forward`; one product over all bins each."""
    flat = b.d_gates.flatten(1, 2)
    d_wg = torch.empty_like(b.w_g)
    recurrent_gradient_(d_wg, b.g, b.reset_g, flat)
    d_wx = torch.bmm(_t(b.x.flatten(1, 2)), flat)
    d_wf = torch.bmm(_t(b.dropped.flatten(1, 2)), b.d_f.flatten(1, 2))
    d_wm = d_delays = None
    if b.p is not None:
        delays, steps = len(b.delays), b.x.shape[1]
        every = b.f.permute(1, 2, 0, 3).flatten(2).flatten(0, 1)
        d_messages = b.d_p[delays - 1 :].transpose(0, 1).flatten(1, 2)
        d_wm = torch.bmm(every.t().expand(len(d_messages), -1, -1), d_messages)
        fed = b.d_x[..., : b.p.shape[3]].transpose(0, 1)
        d_delays = torch.stack([(fed * b.p[k : k + steps]).sum((0, 2)) for k in range(delays - 1, -1, -1)])[:, :, None]
    generator = (b.d_g, flat.sum(1, keepdim=True), d_wx, d_wg, d_wf, d_wm, d_delays)
    if b.c is None:
        return *generator, *(None,) * 6
    flat_c, flat_posterior = b.d_gates_c.flatten(1, 2), b.d_posterior.flatten(1, 2)
    d_wc = torch.empty_like(b.w_c)
    recurrent_gradient_(d_wc, b.c, b.reset_c, flat_c)
    d_wcf = torch.bmm(_t(b.seen[:, : b.x.shape[1]].flatten(1, 2)), flat_c)
    d_wu = torch.bmm(_t(b.c[:, 1:].flatten(1, 2)), flat_posterior)
    return *generator, b.d_gates_c, b.d_c, d_wcf, d_wc, d_wu, flat_posterior.sum(1, keepdim=True)


def _advance_(
    gates: Tensor, state: Tensor, recurrent: Tensor, reset_state: Tensor, after: Tensor, bound: float | None
) -> None:
    """One step of one network an area: `gates` comes with the projected input and leaves with (z, r, n)."""
    size = state.shape[2]
    both = gates[..., : 2 * size].baddbmm_(state, recurrent[..., : 2 * size]).sigmoid_()
    torch.mul(both[..., size:], state, out=reset_state)
    candidate = gates[..., 2 * size :].baddbmm_(reset_state, recurrent[..., 2 * size :]).tanh_()
    torch.lerp(candidate, state, both[..., :size], out=after)
    if bound is not None:
        after.clamp_(-bound, bound)


def _factors_(b: SimpleNamespace, t: int) -> None:
    if b.generator_mask is not None:
        torch.mul(b.g[:, t], b.generator_mask[:, t], out=b.dropped[:, t])
    b.f[:, t] = torch.bmm(b.dropped[:, t], b.w_f)


def _factors_adjoint_(b: SimpleNamespace, t: int) -> None:
    through = torch.bmm(b.d_f[:, t], b.w_f.transpose(1, 2))
    b.d_g += through if b.generator_mask is None else through.mul_(b.generator_mask[:, t])


def _messages(b: SimpleNamespace, t: int) -> Tensor:
    """What enters every area once it has arrived, from all areas' factors, `(area, trial, message)`."""
    every = b.f[:, t].transpose(0, 1).flatten(1)
    return torch.matmul(every, b.w_m)


def _messages_adjoint_(b: SimpleNamespace, d_messages: Tensor, t: int) -> None:
    areas, trials, _ = d_messages.shape
    through = torch.matmul(d_messages, b.w_m.transpose(1, 2)).sum(0)
    b.d_f[:, t] += through.view(trials, areas, -1).transpose(0, 1)


def _t(w: Tensor) -> Tensor:
    return w.transpose(1, 2).contiguous()
