"""Credit for the activity of a leaky rate network, from bin to bin back in time: exact, or by a surrogate of its Jacobian. Everything is time-major here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurodyn.models.parts.leaky_recurrence import Leak, Path, decayed, drive_of, run


@dataclass(frozen=True, eq=False)
class TypeMeans:
    """Recurrent weights that are alike between all units of two types."""

    means: Tensor
    """`(type, type)`, `[a, b]` from b to a."""
    types: Tensor
    """Type of each unit `(unit,)`."""

    @staticmethod
    def of(weights: Tensor, types: Tensor) -> TypeMeans:
        """The means of weights `(unit, unit)` over the blocks that types `(unit,)`, counted from 0, make."""
        members = functional.one_hot(types).to(weights)
        members = members / members.sum(0)
        return TypeMeans(members.T @ weights @ members, types)


@dataclass(frozen=True, eq=False)
class Surrogate:
    """What stands in credit's way back for the Jacobian of a bin's state by the last one's, (1 − α) I + α W diag(φ')."""

    recurrent: Tensor | TypeMeans | None
    """In place of W: `(unit, unit)`, a diagonal `(unit,)`, means of types, or None, which cuts all recurrent paths."""
    derivative: float | None = None
    """In place of φ': a constant; None keeps it."""
    one_hop: bool = False
    """Whether credit passes one recurrent connection at most on its way."""
    window: int | None = None
    """Bins of the windows, counted from the last bin, at whose boundaries credit ends; None has none."""
    leaks: bool = False
    """Whether credit crosses these boundaries through the leak, as in the release of the learning-rule study."""

    def boundary(self, bins: int, bin: int) -> bool:
        """Whether a bin is the first of a window. The state before the first bin belongs to the first window, but not in the release."""
        return self.window is not None and (bins - bin) % self.window == 0 and (bin > 0 or self.leaks)


def credit(leak: Leak, path: Path, direct: Tensor, surrogate: Surrogate) -> tuple[Tensor, Tensor]:
    """What the drive of every bin, and the state before the first, are held responsible for.

    Args:
        leak, path: the network and what it went through.
        direct: what each bin's activity changes at once, dE/dh `(time, trial, unit)`; used up.
        surrogate: what carries credit back in time.

    Returns:
        dE/du `(time, trial, unit)`, in the memory of `direct`, and dE/da_{−1} (or dE/dr_{−1}) `(unit,)`, as far as the surrogate sees them.
    """
    back = _of_potentials if leak.form == "potential" else _of_rates
    return direct, back(leak, path, direct, surrogate).sum(0)


def _of_potentials(leak: Leak, path: Path, direct: Tensor, surrogate: Surrogate) -> Tensor:
    """δ_t = φ'_t (dE/dh_t + α W^T δ_{t+1}) + (1 − α) δ_{t+1} in place of dE/dh_t; returns δ_{−1} `(trial, unit)`.

    A constant derivative stands for the φ'_t before W^T alone. With one hop W^T meets what came through the leak alone.
    """
    bins, keep, weights = len(direct), leak.keep, _scaled(surrogate, leak)
    later = leaked = torch.zeros_like(direct[0])
    now_of = [torch.zeros_like(later), *direct.unbind()]
    potential = [path.initial.expand_as(later), *path.potential.unbind()]
    activity = path.activity.unbind()
    for bin in range(bins, -1, -1):  # that credit comes from; it goes to the one before
        now = now_of[bin]
        value = leak.phi(potential[bin]) if path.noisy else activity[bin]
        slope = leak.phi.derivative(potential[bin], value)
        carried, ends = leaked if surrogate.one_hop else later, surrogate.boundary(bins, bin)
        if surrogate.one_hop:
            leaked = decayed(now * slope, leaked, keep)
        passes = weights is not None and bin < bins and not ends
        if passes and surrogate.derivative is None:
            _add_through(now, carried, weights)
        now.mul_(slope)
        if passes and surrogate.derivative is not None:
            _add_through(now, carried, weights)
        if not ends or surrogate.leaks:
            decayed(now, later, keep)
        later = now
    return later


def _of_rates(leak: Leak, path: Path, direct: Tensor, surrogate: Surrogate) -> Tensor:
    """γ_t = dE/dr_t + W^T δ_{t+1} + (1 − α) γ_{t+1} and δ_t = α φ'_t γ_t, which is dE/dv_t, in place of dE/dr_t; returns γ_{−1} `(trial, unit)`.

    A constant derivative stands for the φ'_t before W^T alone. With one hop W^T meets what came through the leak alone.
    """
    bins, keep, weights = len(direct), leak.keep, _scaled(surrogate, leak)
    later = leaked = carried = torch.zeros_like(direct[0])
    now_of = [torch.zeros_like(later), *direct.unbind()]
    potential = path.potential.unbind()
    for bin in range(bins, -1, -1):  # that credit comes from; it goes to the one before
        now, ends = now_of[bin], surrogate.boundary(bins, bin)
        if surrogate.one_hop:
            leaked = decayed(now.clone(), leaked, keep)
        if weights is not None and bin < bins and not ends:
            _add_through(now, carried, weights)
        if not ends or surrogate.leaks:
            decayed(now, later, keep)
        if bin == 0:
            break
        later = now.clone()
        slope = leak.phi.derivative(potential[bin - 1], leak.phi(potential[bin - 1])).mul_(leak.alpha)
        carried = now.mul_(slope)
        if surrogate.derivative is not None:
            carried = later * leak.alpha
        elif surrogate.one_hop:
            carried = leaked * slope
    return now_of[0]


Factors = tuple[Tensor, Tensor]
"""Two thin matrices `(unit, type)` and `(type, unit)` in place of their product."""


def _scaled(surrogate: Surrogate, leak: Leak) -> Tensor | Factors | None:
    """The surrogate's weights with α (in the form `potential`) and the constant derivative in them."""
    if surrogate.recurrent is None:
        return None
    scale = leak.drive_scale * (1.0 if surrogate.derivative is None else surrogate.derivative)
    if isinstance(surrogate.recurrent, TypeMeans):
        means, types = surrogate.recurrent.means, surrogate.recurrent.types
        return functional.one_hot(types, len(means)) * scale[:, None], means[:, types]
    return surrogate.recurrent * (scale if surrogate.recurrent.ndim == 1 else scale[:, None])


def _add_through(now: Tensor, credit: Tensor, weights: Tensor | Factors | None) -> None:
    """Adds W^T δ."""
    if isinstance(weights, tuple):
        now.addmm_(credit @ weights[0], weights[1])
    elif weights is not None and weights.ndim == 1:
        now.addcmul_(credit, weights)
    elif weights is not None:
        now.addmm_(credit, weights)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Derivatives of the loss by what shapes a network's path."""

    input: Tensor
    """`(unit, channel)`."""
    bias: Tensor
    """`(unit,)`."""
    recurrent: Tensor
    """`(unit, unit)`."""
    initial: Tensor
    """`(unit,)`."""


def gradients_of(leak: Leak, path: Path, inputs: Tensor, delta: Tensor, first: Tensor) -> Gradients:
    """What credit says of the weights: one product over all bins each.

    Args:
        leak, path: the network and what it went through.
        inputs: that drove it, `(time, trial, channel)`.
        delta, first: dE/du `(time, trial, unit)` and dE/da_{−1} `(unit,)`, from `credit`.
    """
    flat, scale = delta.view(-1, delta.shape[2]), leak.drive_scale[:, None]
    recurrent = (flat.T @ path.activity[:-1].view(-1, delta.shape[2])).mul_(scale)
    currents = outer(delta, torch.cat([inputs, inputs.new_ones(*inputs.shape[:2], 1)], 2)).mul_(scale)
    return Gradients(currents[:, :-1].contiguous(), currents[:, -1].contiguous(), recurrent, first)


def outer(left: Tensor, right: Tensor) -> Tensor:
    """Σ over bins and trials of the outer product of `(time, trial, m)` and `(time, trial, n)`, of which one is thin: faster bin by bin than as one long product."""
    thin, wide = (left, right) if left.shape[2] < right.shape[2] else (right, left)
    found = torch.bmm(thin.transpose(1, 2), wide).sum(0)
    return found if thin is left else found.T


class LeakyRun(torch.autograd.Function):
    """A network and its readout with their adjoint: exact derivatives of the loss, by one loop back over the bins."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weights: Tensor,
        bias: Tensor,
        recurrent: Tensor,
        initial: Tensor,
        readout: Tensor,
        readout_bias: Tensor,
        noise: Tensor | None,
        leak: Leak,
    ) -> tuple[Tensor, Tensor]:
        path = run(leak, drive_of(leak, inputs, weights, bias), recurrent, initial, noise)
        ctx.leak, ctx.noisy = leak, path.noisy
        ctx.save_for_backward(path.potential, path.activity, inputs, weights, recurrent, initial, readout)
        ctx.set_materialize_grads(False)
        return path.activity[1:], path.read(readout, readout_bias)

    @staticmethod
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        potential, activity, inputs, weights, recurrent, initial, readout = ctx.saved_tensors
        leak, path = ctx.leak, Path(potential, activity, initial, ctx.noisy)
        by_activity, by_outputs = given
        by_readout = None if by_outputs is None else outer(by_outputs, activity[1:])
        direct = None if by_activity is None else by_activity.clone(memory_format=torch.contiguous_format)
        if by_outputs is not None:
            direct = asked(by_outputs, readout, direct)
        elif direct is None:
            return (None,) * 9
        delta, first = credit(leak, path, direct, Surrogate(recurrent))
        found = gradients_of(leak, path, inputs, delta, first)
        back = delta @ (weights * leak.drive_scale[:, None]) if ctx.needs_input_grad[0] else None
        by_bias = None if by_outputs is None else by_outputs.sum((0, 1))
        return back, found.input, found.bias, found.recurrent, found.initial, by_readout, by_bias, None, None


def asked(by_outputs: Tensor, feedback: Tensor, by_activity: Tensor | None) -> Tensor:
    """What each bin's activity is asked to do about the loss, F^T g + r `(time, trial, unit)`.

    Args:
        by_outputs: g = dE/dy `(time, trial, output)`.
        feedback: F `(output, unit)`.
        by_activity: r, what penalties on activity ask; its memory is used up. None asks nothing.
    """
    flat = by_outputs.reshape(-1, len(feedback))
    if by_activity is None:
        return (flat @ feedback).view(*by_outputs.shape[:2], -1)
    by_activity.view(-1, feedback.shape[1]).addmm_(flat, feedback)
    return by_activity
