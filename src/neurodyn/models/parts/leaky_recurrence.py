"""A leaky rate network over all bins.

With leak α = Δ/τ, in the form `potential` (a is filtered) and the form `rate` (r is):

    a_t = (1 − α) a_{t−1} + α W h_{t−1} + u_t,   h_t = φ(a_t) + ξ_t         u_t = α (W_in x_t + b)
    v_t = W r_{t−1} + u_t,   r_t = (1 − α) r_{t−1} + α (φ(v_t) + ξ_t)       u_t = W_in x_t + b

The two are different networks with different gradients (Miller & Fumarola 2012, doi:10.1162/NECO_a_00221). Everything is time-major here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from neurodyn.models.parts.nonlinearities import Nonlinearity

Form = Literal["potential", "rate"]


@dataclass(frozen=True, eq=False)
class Leak:
    """What does not change while a network learns."""

    alpha: Tensor
    """α = Δ/τ of every unit `(unit,)`."""
    form: Form
    phi: Nonlinearity

    @property
    def keep(self) -> Tensor | float:
        """1 − α; a number where all units have the same, which is faster."""
        same = bool((self.alpha == self.alpha[0]).all())
        return 1 - float(self.alpha[0]) if same else 1 - self.alpha

    @property
    def drive_scale(self) -> Tensor:
        """What a current is multiplied by in the drive u, `(unit,)`."""
        return self.alpha if self.form == "potential" else torch.ones_like(self.alpha)


@dataclass(frozen=True, eq=False)
class Path:
    """What a network went through."""

    potential: Tensor
    """a, or v in the form `rate`, `(time, trial, unit)`."""
    activity: Tensor
    """h, or r, `(1 + time, trial, unit)`: the first is before the first bin."""
    initial: Tensor
    """The learned a_{−1}, or r_{−1}, `(unit,)`."""
    noisy: bool

    def read(self, readout: Tensor, bias: Tensor) -> Tensor:
        """Outputs `(time, trial, output)` of a readout `(output, unit)`."""
        flat = torch.addmm(bias, self.activity[1:].reshape(-1, readout.shape[1]), readout.T)
        return flat.view(*self.potential.shape[:2], -1)


def run(leak: Leak, drive: Tensor, recurrent: Tensor, initial: Tensor, noise: Tensor | None = None) -> Path:
    """Runs a network; no graph is built.

    Args:
        leak: what does not change.
        drive: u `(time, trial, unit)`; used up, the potential takes its place.
        recurrent: W `(unit, unit)`, `[i, j]` from j to i; or weights of each trial, `(trial, unit, unit)`.
        initial: a_{−1} or r_{−1} `(unit,)`, or that of each trial.
        noise: ξ `(time, trial, unit)`; None has none.
    """
    bins, trials, units = drive.shape
    activity, keep = drive.new_empty(bins + 1, trials, units), leak.keep
    weights = (leak.drive_scale[:, None] * recurrent).mT.contiguous()
    potentials, (start, *activities) = drive.unbind(), activity.unbind()
    state, before = initial.expand(trials, units), start
    if leak.form == "potential":
        leak.phi.into(state, start)
    else:
        start.copy_(state)
    for t, (now, after) in enumerate(zip(potentials, activities)):
        _add_recurrent(now, before, weights)
        if leak.form == "potential":
            state = decayed(now, state, keep)
        leak.phi.into(now, after)
        if noise is not None:
            after += noise[t]
        if leak.form == "rate":
            decayed(after.mul_(leak.alpha), before, keep)
        before = after
    return Path(drive, activity, initial, noise is not None)


def _add_recurrent(drive: Tensor, activity: Tensor, weights: Tensor) -> None:
    """Adds what arrives by transposed weights, the same in all trials or not."""
    if weights.ndim == 2:
        drive.addmm_(activity, weights)
    else:
        drive.unsqueeze(1).baddbmm_(activity.unsqueeze(1), weights)


def decayed(now: Tensor, other: Tensor, keep: Tensor | float) -> Tensor:
    """`now` with (1 − α) times another added in place."""
    return now.add_(other, alpha=keep) if isinstance(keep, float) else now.addcmul_(other, keep)


def drive_of(leak: Leak, inputs: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """u `(time, trial, unit)` of inputs `(time, trial, channel)`, all bins at once."""
    scale = leak.drive_scale
    bins, trials, channels = inputs.shape
    flat = torch.addmm(bias * scale, inputs.reshape(-1, channels), (weights * scale[:, None]).T)
    return flat.view(bins, trials, len(bias))
