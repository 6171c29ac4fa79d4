"""Squared error: a Gaussian whose variance is fixed."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.observations.base import Observation


class SquaredError(Observation):
    """A real value y with mean μ: loss (y − μ)², the NLL of a Gaussian of variance ½ (+ ½ ln π)."""

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        loss = (values - parameters.squeeze(-1)).square()
        return loss + 0.5 * math.log(math.pi) if constant else loss

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters.squeeze(-1)

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        mean = parameters.squeeze(-1)
        return mean + math.sqrt(0.5) * torch.randn_like(mean)

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return mean.unsqueeze(-1)
