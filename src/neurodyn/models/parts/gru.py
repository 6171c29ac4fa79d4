"""The clipped gated recurrent unit of LFADS: one exact step, and whole sequences with a hand-written adjoint.

For input x and state h, with a = x Wx + b in three blocks z (update), r (reset), n (candidate):

    z = σ(a_z + h W_z)    r = σ(a_r + h W_r)    n = tanh(a_n + (r ⊙ h) W_n)    h' = clip(z ⊙ h + (1 − z) ⊙ n, ±c)

The reset gate acts **before** the recurrent product and there is no recurrent bias, so PyTorch's own GRU cannot stand in for it.
Source: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neurodyn.models.parts.kernels import kernels

_tanh_adjoint = torch.ops.aten.tanh_backward.grad_input
_sigmoid_adjoint = torch.ops.aten.sigmoid_backward.grad_input


def clipped_gru_step(projected: Tensor, state: Tensor, recurrent: Tensor, clip: float) -> Tensor:
    """One exact step, in plain differentiable operations.

    Args:
        projected: x Wx + b, `(..., trial, 3 * state)`, blocks z, r, n.
        state: h `(..., trial, state)`.
        recurrent: [W_z, W_r, W_n] `(..., state, 3 * state)`.
        clip: largest absolute value of the next state.

    >>> zero = torch.zeros(1, 3)
    >>> clipped_gru_step(zero, torch.ones(1, 1), zero, 5.0).item()
    0.5
    """
    size = state.shape[-1]
    gates = torch.sigmoid(projected[..., : 2 * size] + state @ recurrent[..., : 2 * size])
    update, reset = gates[..., :size], gates[..., size:]
    candidate = torch.tanh(projected[..., 2 * size :] + (reset * state) @ recurrent[..., 2 * size :])
    return (update * state + (1 - update) * candidate).clamp(-clip, clip)


def advance_(
    gates: Tensor, state: Tensor, recurrent: tuple[Tensor, Tensor], reset_state: Tensor, after: Tensor
) -> None:
    """One step of one network in place: `gates` comes with x Wx + b and leaves with (z, r, n); `after` gets the unclipped next state."""
    size = state.shape[1]
    both = gates[:, : 2 * size].addmm_(state, recurrent[0]).sigmoid_()
    torch.mul(both[:, size:], state, out=reset_state)
    candidate = gates[:, 2 * size :].addmm_(reset_state, recurrent[1]).tanh_()
    torch.lerp(candidate, state, both[:, :size], out=after)


def retreat_(
    grad: Tensor,
    state: Tensor,
    gates: Tensor,
    grad_gates: Tensor,
    candidate_t: Tensor,
    work: list[Tensor],
    product: Callable[..., Any],
) -> Tensor:
    """The adjoint of one step up to its recurrent product.

    Args:
        grad: dL/dh' `(..., trial, state)`.
        state: h before the step.
        gates: (z, r, n) of the step.
        grad_gates: filled with dL/da, same shape as `gates`.
        candidate_t: W_n transposed.
        work: three buffers of the state's shape; the first is returned.
        product: `torch.mm` or `torch.bmm`.

    Returns:
        z ⊙ grad + r ⊙ (dL/da_n W_nᵀ); what is still missing of dL/dh is [dL/da_z, dL/da_r] [W_z, W_r]ᵀ.
    """
    size = state.shape[-1]
    update, reset, candidate = gates[..., :size], gates[..., size : 2 * size], gates[..., 2 * size :]
    kept, first, second = work
    torch.mul(grad, update, out=kept)
    torch.sub(grad, kept, out=first)
    _tanh_adjoint(first, candidate, grad_input=grad_gates[..., 2 * size :])
    torch.sub(state, candidate, out=second).mul_(grad)
    _sigmoid_adjoint(second, update, grad_input=grad_gates[..., :size])
    product(grad_gates[..., 2 * size :], candidate_t, out=first)
    torch.mul(first, state, out=second)
    _sigmoid_adjoint(second, reset, grad_input=grad_gates[..., size : 2 * size])
    return kept.addcmul_(first, reset)


def exceeds(clip: float, *states: Tensor) -> bool:
    """Whether the loop must clip. A step moves towards values in (−1, 1), so only an initial state can lie beyond `clip` (never asked of a GPU, which would wait)."""
    if clip < 1 or any(s.is_cuda for s in states):
        return True
    return any(bool(s.detach().abs().max() > clip) for s in states if s.numel())


class ClippedGRUSequence(torch.autograd.Function):
    """Several independent clipped GRUs over whole sequences, weight gradients as one product over all bins.

    Inputs `x (sequence, time, trial, input)`, `wx (network, input, 3 * state)`, `wh (network, state, 3 * state)`, `b (network, 3 * state)`,
    `h0 (network, trial, state)`, `clip`; network d reads sequence d mod the number of sequences. Output: states `(network, time, trial, state)`.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, wx: Tensor, wh: Tensor, b: Tensor, h0: Tensor, clip: float) -> Tensor:
        sequences, time, trials, width = x.shape
        networks, size = wh.shape[:2]
        x = x.contiguous()
        gates = x.new_empty(networks, time, trials, 3 * size)
        states = x.new_empty(networks, time + 1, trials, size)
        reset_states = x.new_empty(networks, time, trials, size)
        states[:, 0] = h0
        bound = clip if exceeds(clip, h0) else None
        compiled = kernels(x.device, x.dtype) if width else None
        if compiled is not None:
            wx, wh, b = wx.contiguous(), wh.contiguous(), b.contiguous()
            for d in range(networks):
                compiled(
                    "sequence_forward", bound, time=time, trials=trials, inputs=width, size=size,
                    x=x[d % sequences], wx=wx[d], wh=wh[d], bias=b[d],
                    gates=gates[d], states=states[d], reset_states=reset_states[d],
                )  # fmt: skip
        else:
            for d in range(networks):
                flat = x[d % sequences].view(time * trials, width)
                torch.addmm(b[d], flat, wx[d], out=gates[d].view(time * trials, 3 * size))
            _forward(wh, gates, states, reset_states, bound)
        ctx.save_for_backward(x, wx, wh, gates, states, reset_states)
        ctx.compiled, ctx.bound = compiled, bound
        return states[:, 1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        x, wx, wh, gates, states, reset_states = ctx.saved_tensors
        sequences, time, trials, width = x.shape
        networks, size = wh.shape[:2]
        compiled, all_gates = ctx.compiled, ctx.needs_input_grad[0]
        chunk = time if compiled is None or all_gates else bins_at_once(time, trials)
        grad_gates = x.new_empty(networks if chunk == time else 1, chunk, trials, 3 * size)
        zeros = x.new_zeros
        grad_wx, grad_wh, grad_b = zeros(wx.shape), zeros(wh.shape), zeros(networks, 3 * size)
        grad = torch.zeros_like(states[:, 0])
        if compiled is not None:
            work = x.new_empty((trials + 3) * size)
            for d in range(networks):
                compiled(
                    "sequence_backward", ctx.bound, time=time, trials=trials, inputs=width, size=size, chunk=chunk,
                    x=x[d % sequences], wh=wh[d], gates=gates[d], states=states[d], reset_states=reset_states[d],
                    grad_states=grad_states[d].contiguous(), grad=grad[d], grad_gates=grad_gates[d % len(grad_gates)],
                    grad_wx=grad_wx[d], grad_wh=grad_wh[d], grad_bias=grad_b[d], work=work,
                )  # fmt: skip
            flat = grad_gates.flatten(1, 2)
        else:
            grad = _backward(wh, gates, states, grad_states, grad, grad_gates, ctx.bound)
            flat = grad_gates.flatten(1, 2)
            for d in range(networks):
                torch.mm(x[d % sequences].view(time * trials, width).t(), flat[d], out=grad_wx[d])
            recurrent_gradient_(grad_wh, states, reset_states, flat)
            torch.sum(flat, 1, out=grad_b)
        grad_x = None
        if all_gates:
            each = torch.bmm(flat, wx.transpose(1, 2)).view(networks // sequences, sequences, time, trials, width)
            grad_x = each.sum(0)
        return grad_x, grad_wx, grad_wh, grad_b, grad, None


def bins_at_once(time: int, trials: int) -> int:
    """Bins whose gate gradients stay in the processor's cache and make one good matrix product."""
    return min(time, max(1, -(-512 // max(trials, 1))))


def _forward(wh: Tensor, gates: Tensor, states: Tensor, reset_states: Tensor, bound: float | None) -> None:
    """The loop over bins of all networks at once."""
    size = wh.shape[1]
    w_zr, w_n = wh[..., : 2 * size], wh[..., 2 * size :]
    both, candidate = gates[..., : 2 * size].unbind(1), gates[..., 2 * size :].unbind(1)
    update, reset = gates[..., :size].unbind(1), gates[..., size : 2 * size].unbind(1)
    state, *after = states.unbind(1)
    for t, reset_state in enumerate(reset_states.unbind(1)):
        both[t].baddbmm_(state, w_zr).sigmoid_()
        torch.mul(reset[t], state, out=reset_state)
        candidate[t].baddbmm_(reset_state, w_n).tanh_()
        state = torch.lerp(candidate[t], state, update[t], out=after[t])
        if bound is not None:
            state.clamp_(-bound, bound)


def _backward(
    wh: Tensor,
    gates: Tensor,
    states: Tensor,
    grad_states: Tensor,
    grad: Tensor,
    grad_gates: Tensor,
    bound: float | None,
) -> Tensor:
    """Its adjoint: fills `grad_gates` and returns the gradient of the first states."""
    size = wh.shape[1]
    zr_t, n_t = wh[..., : 2 * size].transpose(1, 2).contiguous(), wh[..., 2 * size :].transpose(1, 2).contiguous()
    given, of_both = grad_states.unbind(1), grad_gates[..., : 2 * size].unbind(1)
    every, of_every, before = gates.unbind(1), grad_gates.unbind(1), states.unbind(1)
    work = [torch.empty_like(grad) for _ in range(3)]
    for t in range(len(given) - 1, -1, -1):
        grad += given[t]
        if bound is not None:
            grad *= before[t + 1].abs() < bound
        kept = retreat_(grad, before[t], every[t], of_every[t], n_t, work, torch.bmm)
        work[0], grad = grad, kept
        grad.baddbmm_(of_both[t], zr_t)
    return grad


def recurrent_gradient_(out: Tensor, states: Tensor, reset_states: Tensor, grad_gates: Tensor) -> None:
    """Fills `out (network, state, 3 * state)` with the gradients of recurrent weights.

    Args:
        out: filled.
        states: before and after every bin `(network, time + 1, trial, state)`.
        reset_states: r ⊙ h `(network, time, trial, state)`.
        grad_gates: dL/da `(network, time * trial, 3 * state)`.
    """
    size = states.shape[-1]
    before, reset = states[:, :-1].flatten(1, 2), reset_states.flatten(1, 2)
    torch.bmm(before.transpose(1, 2), grad_gates[..., : 2 * size], out=out[..., : 2 * size])
    torch.bmm(reset.transpose(1, 2), grad_gates[..., 2 * size :], out=out[..., 2 * size :])


class ClippedGRU(nn.Module):
    """Weights of one clipped GRU, started as in LFADS, and the exact step.

    Args:
        inputs: size of x; 0 for a network without input, which still has its bias.
        size: size of the state.
        encoder: start both matrices at variance 1 / (inputs + size) instead of 1 / inputs and 1 / size.
        clip: largest absolute value of a state.
    """

    def __init__(self, inputs: int, size: int, *, encoder: bool = False, clip: float = 5.0) -> None:
        super().__init__()
        self.inputs, self.size, self.clip = inputs, size, clip
        wide, deep = (inputs + size, inputs + size) if encoder else (max(inputs, 1), size)
        self.input_weight = nn.Parameter(torch.randn(inputs, 3 * size) / wide**0.5)
        """[W_z, W_r, W_n] of the input, `(input, 3 * state)`."""
        self.recurrent_weight = nn.Parameter(torch.randn(size, 3 * size) / deep**0.5)
        """[W_z, W_r, W_n] of the state, `(state, 3 * state)`: what the L2 penalty acts on."""
        self.bias = nn.Parameter(torch.cat([torch.ones(2 * size), torch.zeros(size)]))
        """1 for the gates, 0 for the candidate."""

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step: inputs `(trial, input)`, states `(trial, state)` to next states."""
        projected = torch.addmm(self.bias, inputs, self.input_weight)
        return clipped_gru_step(projected, state, self.recurrent_weight, self.clip)


def run_stacked(x: Tensor, cells: list[ClippedGRU], first: list[Tensor]) -> Tensor:
    """Cells of one size over sequences `(sequence, time, trial, input)`, as one loop; states `(cell, time, trial, state)`.

    Args:
        x: cell d reads sequence d mod the number of sequences.
        cells: networks of the same sizes.
        first: trainable initial state of each, `(state,)`.
    """
    trials = x.shape[2]
    stacked = (torch.stack([getattr(c, name) for c in cells]) for name in ("input_weight", "recurrent_weight", "bias"))
    initial = torch.stack(first)[:, None].expand(-1, trials, -1)
    return ClippedGRUSequence.apply(x, *stacked, initial, cells[0].clip)  # type: ignore[no-any-return, no-untyped-call]
