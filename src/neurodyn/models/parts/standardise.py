"""Puts the population's activity on a scale an encoder likes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurodyn.data.trials import Trials


class Standardise(nn.Module):
    """ln(1 + counts) (for spikes), minus the mean and over the standard deviation of the training trials; the identity until `fit`. A channel that never varied stays zero.

    Args:
        channels: number of held-in units.
        logarithm: whether to take ln(1 + x) first.
    """

    shift: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(self, channels: int, *, logarithm: bool = True) -> None:
        super().__init__()
        self.logarithm = logarithm
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def fit(self, trials: Trials) -> None:
        """Takes mean and scale of the held-in units over observed bins that hold data."""
        seen = trials.observed_bins
        values = torch.as_tensor(trials.neural.values[:], dtype=torch.float64)[:, :seen][
            ..., torch.as_tensor(trials.heldin)
        ]
        values = values[torch.as_tensor(trials.mask[:, :seen])]
        if self.logarithm:
            values = values.log1p()
        self.shift.copy_(values.mean(0))
        deviation = values.std(0)
        # a unit silent in training says nothing: a spike of it elsewhere would be hundreds of deviations
        self.scale.copy_(torch.where(deviation > 0, 1 / deviation.clamp_min(1e-3), 0))
        self.fitted.fill_(True)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Activity `(trial, time, unit)` and mask `(trial, time)` to the same shape; bins outside the mask stay zero."""
        if not self.fitted:
            return values
        out = ((values.log1p() if self.logarithm else values) - self.shift) * self.scale
        return out * mask[..., None]
