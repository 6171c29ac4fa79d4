"""Puts activity or known inputs on a scale a network likes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """ln(1 + counts) (for spikes), minus the mean and over the standard deviation of the training trials; the identity until `fit`. A channel that never varied stays zero.

    Args:
        channels: number of channels.
        logarithm: whether to take ln(1 + x) first.
        least: smallest standard deviation to divide by.
    """

    shift: Tensor
    scale: Tensor
    fitted: Tensor

    def __init__(self, channels: int, *, logarithm: bool = True, least: float = 1e-3) -> None:
        super().__init__()
        self.logarithm = logarithm
        self.least = least
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def fit(self, rows: Tensor) -> None:
        """Takes mean and scale of training samples `(row, channel)`; NaN marks what is not known."""
        values = rows.double()
        if self.logarithm:
            values = values.log1p()
        unknown = values.isnan()
        if bool(unknown.any()):
            mean = values.nanmean(0).nan_to_num()
            number = (~unknown).sum(0)
            deviation = ((values - mean).square().nansum(0) / (number - 1).clamp_min(1)).sqrt()
        else:
            mean, deviation = values.mean(0), values.std(0)
        self.shift.copy_(mean)
        # a unit silent in training says nothing: a spike of it elsewhere would be hundreds of deviations
        self.scale.copy_(torch.where(deviation > 0, 1 / deviation.clamp_min(self.least), 0))
        self.fitted.fill_(True)

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Values `(trial, time, channel)` and mask `(trial, time)` to the same shape; bins outside the mask stay zero."""
        if not self.fitted:
            return values
        out = ((values.log1p() if self.logarithm else values) - self.shift) * self.scale
        return out if mask is None else out * mask[..., None]
