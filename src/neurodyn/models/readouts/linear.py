"""The readout of LFADS: a linear map with bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.models.parts.scaled_linear import scaled_linear
from neurodyn.models.readouts.base import Readout


@dataclass(frozen=True)
class LinearConfig:
    """No options."""


class Linear(Readout):
    """A linear map with bias; weights start at N(0, 1/factors).

    The columns of its weight are in blocks, one an observation parameter. Source: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9.
    """

    Config: ClassVar = LinearConfig

    def __init__(self, config: LinearConfig, factors: int, channels: int, parameters: int) -> None:
        super().__init__(config, factors, channels, parameters)
        self.map = scaled_linear(factors, channels * parameters)

    def forward(self, factors: Tensor) -> Tensor:
        flat = self.map(factors)
        if self.parameters_per_channel == 1:
            return flat.unsqueeze(-1)  # type: ignore[no-any-return]
        return flat.unflatten(-1, (self.parameters_per_channel, self.channels)).transpose(-1, -2)  # type: ignore[no-any-return]

    @torch.no_grad()
    def start(self, parameters: Tensor) -> None:
        self.map.bias.copy_(parameters.t().reshape(-1))
        self.map.weight.mul_(0.5)

    @torch.no_grad()
    def start_factors(self, weight: Float[Tensor, "some channel parameter"]) -> None:
        """Sets the weights of the first factors where training starts."""
        self.map.weight[:, : len(weight)] = weight.permute(2, 1, 0).flatten(0, 1)
