"""Gaussian observations whose variance is one trained number a channel."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurodyn.observations.base import Observation


class GaussianShared(Observation):
    """A real value y with predicted mean μ and a variance v ≥ 1e-6 that is trained, one a channel: NLL = ½[ln v + (y − μ)²/v] (+ ½ ln 2π).

    A model that predicts a variance in every entry can lower its loss by shrinking it where it copies the data; one variance a channel cannot do so.
    """

    def __init__(self, channels: int = 1, config: Any = None) -> None:
        super().__init__(channels, config)
        self.log_variance = nn.Parameter(torch.zeros(channels))

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        variance = self._variance
        loss = 0.5 * (variance.log() + (values - parameters.squeeze(-1)).square() / variance)
        return loss + 0.5 * math.log(2 * math.pi) if constant else loss

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters.squeeze(-1)

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        mean = parameters.squeeze(-1)
        return torch.normal(mean, self._variance.sqrt().expand_as(mean))

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return mean.unsqueeze(-1)

    @property
    def _variance(self) -> Tensor:
        return self.log_variance.exp().clamp_min(1e-6)
