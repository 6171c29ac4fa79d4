"""A gated recurrent unit whose state goes through dropout on its way to the next bin, with a hand-written adjoint.

For the projected input a = x W + b in three blocks r (reset), z (update), n (candidate), the state h before, and a mask m that is 0 or 1 / (1 − rate):

    g = h U + c    r = σ(a_r + g_r)    z = σ(a_z + g_z)    n = tanh(a_n + r ⊙ g_n)    h' = m ⊙ (z ⊙ h + (1 − z) ⊙ n)

These are the equations and weights of `torch.nn.GRUCell`; PyTorch's fused sequence has no place for the mask between two bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

_tanh_adjoint = torch.ops.aten.tanh_backward.grad_input
_sigmoid_adjoint = torch.ops.aten.sigmoid_backward.grad_input


def dropped_gru(counts: Tensor, order: Sequence[int], cell: nn.GRUCell, keep: Tensor | None) -> Tensor:
    """States after dropout `(step, trial, state)`, from a state of zeros.

    Args:
        counts: input `(trial, time, channel)`; projected once, all bins in one product.
        order: the bin of `counts` that each step reads; a bin may be read several times.
        cell: the weights.
        keep: the masks m `(step, trial, state)`; None for no dropout.
    """
    projected = torch.nn.functional.linear(counts.transpose(0, 1), cell.weight_ih, cell.bias_ih)
    return _DroppedGRU.apply(projected, tuple(order), cell.weight_hh, cell.bias_hh, keep)  # type: ignore[no-any-return, no-untyped-call]


class _DroppedGRU(torch.autograd.Function):
    """The loop over steps; the gradient of the recurrent weights is one product over all of them."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, order: tuple[int, ...], weight: Tensor, bias: Tensor, keep: Tensor | None
    ) -> Tensor:
        steps, trials, size = len(order), projected.shape[1], weight.shape[1]
        states = projected.new_empty(steps + 1, trials, size)
        states[0] = 0
        gates = projected.new_empty(steps, trials, 3 * size)
        """r, z and n of every step."""
        recurrent = projected.new_empty(steps, trials, size)
        """g_n of every step."""
        product = projected.new_empty(trials, 3 * size)
        transposed, inputs = weight.t(), projected.unbind(0)
        for t, source in enumerate(order):
            given = inputs[source]
            torch.addmm(bias, states[t], transposed, out=product)
            torch.add(given[:, : 2 * size], product[:, : 2 * size], out=gates[t, :, : 2 * size]).sigmoid_()
            recurrent[t] = product[:, 2 * size :]
            reset, update = gates[t, :, :size], gates[t, :, size : 2 * size]
            candidate = torch.addcmul(given[:, 2 * size :], reset, recurrent[t], out=gates[t, :, 2 * size :]).tanh_()
            torch.lerp(candidate, states[t], update, out=states[t + 1])
            if keep is not None:
                states[t + 1] *= keep[t]
        ctx.save_for_backward(weight, states, gates, recurrent, keep)
        ctx.order, ctx.bins = order, len(inputs)
        return states[1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> tuple[Tensor | None, ...]:
        weight, states, gates, recurrent, keep = ctx.saved_tensors
        steps, trials, size = recurrent.shape
        of_product = torch.empty_like(gates)
        """The gradient of g; that of a differs in the block n alone, which is kept in `of_candidate`."""
        of_candidate, work, grad = (states.new_empty(trials, size) for _ in range(3))
        of_projected = states.new_zeros(ctx.bins, trials, 3 * size)
        carried = states.new_zeros(trials, size)
        for t in range(steps - 1, -1, -1):
            reset, update, candidate = gates[t].chunk(3, 1)
            of_reset, of_update, of_recurrent = of_product[t].chunk(3, 1)
            torch.add(grad_states[t], carried, out=grad)
            if keep is not None:
                grad *= keep[t]
            torch.mul(grad, update, out=carried)
            torch.sub(grad, carried, out=work)
            _tanh_adjoint(work, candidate, grad_input=of_candidate)
            torch.sub(states[t], candidate, out=work).mul_(grad)
            _sigmoid_adjoint(work, update, grad_input=of_update)
            torch.mul(of_candidate, recurrent[t], out=work)
            _sigmoid_adjoint(work, reset, grad_input=of_reset)
            torch.mul(of_candidate, reset, out=of_recurrent)
            carried.addmm_(of_product[t], weight)
            of_input = of_projected[ctx.order[t]]
            of_input[:, : 2 * size] += of_product[t, :, : 2 * size]
            of_input[:, 2 * size :] += of_candidate
        flat = of_product.view(steps * trials, 3 * size)
        of_weight = flat.t() @ states[:-1].reshape(steps * trials, size)
        return of_projected, None, of_weight, flat.sum(0), None
