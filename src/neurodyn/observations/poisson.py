"""Poisson spike counts, parametrised by the log of the expected count per bin."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.observations.base import Observation


class Poisson(Observation):
    """Spike counts y with log rate η (natural log of expected counts **per bin**): NLL = exp(η) − yη + ln y!."""

    parameters: ClassVar[int] = 1

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        log_rates = parameters.squeeze(-1)
        loss = log_rates.exp() - values * log_rates
        return loss + torch.lgamma(values + 1) if constant else loss

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters.squeeze(-1).exp()

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return torch.poisson(self.mean(parameters))

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return mean.clamp_min(1e-9).log().unsqueeze(-1)
