"""Gaussian observations with a mean and a log variance per entry."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.observations.base import Observation


class Gaussian(Observation):
    """A real value y with mean μ and variance v ≥ 1e-6: NLL = ½[ln v + (y − μ)²/v] (+ ½ ln 2π)."""

    parameters_per_channel: ClassVar[int] = 2

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        mean, variance = parameters[..., 0], self._variance(parameters)
        loss = 0.5 * (variance.log() + (values - mean).square() / variance)
        return loss + 0.5 * math.log(2 * math.pi) if constant else loss

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters[..., 0]

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return torch.normal(parameters[..., 0], self._variance(parameters).sqrt())

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return self.from_moments(mean, torch.ones_like(mean))

    def from_moments(
        self, mean: Float[Tensor, "*shape"], variance: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape parameter"]:
        return torch.stack([mean, variance.clamp_min(1e-6).log()], -1)

    @staticmethod
    def _variance(parameters: Tensor) -> Tensor:
        return parameters[..., 1].exp().clamp_min(1e-6)
