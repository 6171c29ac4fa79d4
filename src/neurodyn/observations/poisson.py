"""Poisson spike counts, parametrised by the log of the expected count per bin."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurodyn.observations.base import Observation


class Poisson(Observation):
    """Spike counts y with log rate η (natural log of expected counts **per bin**): NLL = exp(η) − yη + ln y!.

    The constant is the exact ln y! = lnΓ(y + 1). Software that takes Stirling's formula for y > 1 quotes other values (1.651806 instead of
    1.693147 for y = 2, η = 0); gradients and bits per spike are the same.
    """

    takes = "values of 0 or more"
    otherwise = "Choose observation: gaussian, or gaussian_shared."

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

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return torch.isfinite(values) & (values >= 0)
