"""Convolutions over time whose every bin is normalised by itself, so that neither the length of a trial nor its padding matters."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class TemporalStack(nn.Module):
    """Hidden layers, each a convolution, a layer norm over its channels and SiLU; then a linear map of each bin.

    Bins outside the mask are set to zero before every convolution, so that a padded trial gives what the trial alone does.

    Args:
        inputs: channels that come in.
        hidden: channels of the hidden layers.
        kernels: bins that each hidden layer sees, odd.
        outputs: channels that go out.
    """

    def __init__(self, inputs: int, hidden: int, kernels: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        widths = [inputs, *[hidden] * len(kernels)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding=kernel // 2)
            for before, after, kernel in zip(widths, widths[1:], kernels)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in kernels)
        self.out = nn.Linear(widths[-1], outputs)

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Values `(trial, time, channel)` and mask `(trial, time)`, None for all bins, to `(trial, time, output)`."""
        outside = None if mask is None else ~mask.unsqueeze(2)
        for convolution, norm in zip(self.convolutions, self.norms):
            if outside is not None:
                values = values.masked_fill(outside, 0.0)
            values = F.silu(norm(convolution(values.transpose(1, 2)).transpose(1, 2)))
        found: Tensor = self.out(values)
        return found
