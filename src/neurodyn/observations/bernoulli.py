"""Bernoulli observations: a bin holds a spike or none."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from neurodyn.observations.base import Observation


class Bernoulli(Observation):
    """Spikes y ∈ {0, 1} with log odds η, for bins short enough to hold one spike at most: NLL = ln(1 + exp η) − yη."""

    takes = "zeros and ones"
    otherwise = "Use shorter bins, or observation: poisson."

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        log_odds = parameters.squeeze(-1)
        return F.softplus(log_odds) - values * log_odds

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters.squeeze(-1).sigmoid()

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return torch.bernoulli(self.mean(parameters))

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return mean.logit(1e-6).unsqueeze(-1)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return (values == 0) | (values == 1)
