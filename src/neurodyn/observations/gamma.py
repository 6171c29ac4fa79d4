"""Gamma observations: activity that is positive and skewed, such as deconvolved fluorescence without zeros."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurodyn.observations.base import Observation

LARGEST_LOG = 20.0
"""Bound of |ln a| and |ln b|, so that no parameter overflows."""


class Gamma(Observation):
    """Positive values y with log shape ln a and log rate ln b: NLL = −[a ln b − lnΓ(a) + (a − 1) ln y − b y], mean a / b."""

    parameters_per_channel: ClassVar[int] = 2
    takes = "values above 0"
    otherwise = "Choose observation: zero_inflated_gamma where there are zeros, gaussian or gaussian_shared where there are negative values."

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        log_shape, log_rate = self._logs(parameters)
        return gamma_loss(log_shape, log_rate, values)

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        log_shape, log_rate = self._logs(parameters)
        return (log_shape - log_rate).exp()

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        log_shape, log_rate = self._logs(parameters)
        return torch.distributions.Gamma(log_shape.exp(), log_rate.exp()).sample()

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        """With a = 1: an exponential distribution."""
        return torch.stack([torch.zeros_like(mean), -mean.clamp_min(1e-6).log()], -1)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return torch.isfinite(values) & (values > 0)

    @staticmethod
    def _logs(parameters: Tensor) -> tuple[Tensor, Tensor]:
        log_shape, log_rate = parameters.clamp(-LARGEST_LOG, LARGEST_LOG).unbind(-1)
        return log_shape, log_rate


def gamma_loss(
    log_shape: Float[Tensor, "*shape"], log_rate: Float[Tensor, "*shape"], values: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Negative log density of a gamma law at positive values; finite (and meaningless) at others.

    In double precision inside: for large shapes it is a small difference of large numbers.
    """
    a, log_b, y = log_shape.double().exp(), log_rate.double(), values.double().clamp_min(1e-30)
    loss = torch.lgamma(a) - a * (log_b + y.log()) + y.log() + y * log_b.exp()
    return loss.to(values.dtype)
