"""Recurrent weights as they start, and what constrains them while they learn."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neurodyn.models.parts.task_rnn_config import TaskRNNConfig

EXCITATORY = 0.8
"""Part of the units that excite, with Dale's law."""
PAIRS_KEPT = 0.5
"""Probability that two cell types are connected."""


class Connectivity(nn.Module):
    """Which connections exist and with what sign. Without constraints weights are used as they are.

    The release of Liu, Yang & Cueva (arXiv:2506.06904) has the same constraints.
    """

    signs: Tensor | None
    """1, -1 or 0 `(unit, unit)`: what a weight's absolute value (with `dale`), or the weight, is multiplied by."""
    types: Tensor | None
    """Cell type of each unit `(unit,)`, those that excite first; None where there are none."""

    def __init__(self, config: TaskRNNConfig) -> None:
        super().__init__()
        self._dale = config.dale
        units = config.units
        excitatory = int(EXCITATORY * units)
        signs = types = None
        if config.dale or config.density < 1:
            signs = (
                (torch.rand(units, units) < config.density).float() if config.density < 1 else torch.ones(units, units)
            )
        if config.dale and signs is not None:
            signs[:, excitatory:] *= -1
            signs.fill_diagonal_(0)
        if config.cell_types:
            places = [torch.arange(n) * config.cell_types // n for n in (excitatory, units - excitatory)]
            types = torch.cat([places[0], places[1] + config.cell_types])
        self.register_buffer("signs", signs)
        self.register_buffer("types", types)

    def start(self, weights: Tensor, config: TaskRNNConfig) -> Tensor:
        """Weights drawn for a network without constraints, made ones for this one."""
        weights = weights / math.sqrt(config.density)
        if config.dale:
            excitatory = int(EXCITATORY * config.units)
            weights[:, :excitatory] /= excitatory / max(config.units - excitatory, 1)
        if self.types is not None:
            kinds = int(self.types.max()) + 1
            kept = (torch.rand(kinds, kinds) <= PAIRS_KEPT).float()
            weights = weights * kept[self.types][:, self.types]
            weights = weights / weights.abs().sum(1, keepdim=True).clamp_min(1e-12)
        return weights

    def forward(self, weights: Tensor) -> Tensor:
        """The weights that activity passes through."""
        if self.signs is None:
            return weights
        return (weights.abs() if self._dale else weights) * self.signs
