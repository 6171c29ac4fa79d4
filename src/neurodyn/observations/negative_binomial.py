"""Negative binomial spike counts: Poisson counts whose rate fluctuates from bin to bin."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from neurodyn.observations.base import Observation

LARGEST_LOG = 20.0
"""Bound of |ln r|; beyond it lnΓ(y + r) − lnΓ(r) drowns in rounding, and the law is Poisson's anyway."""


class NegativeBinomial(Observation):
    """Spike counts y with log mean η (counts **per bin**) and log shape ln r: variance μ + μ²/r, Poisson for large r.

    NLL = lnΓ(r) − lnΓ(y + r) + lnΓ(y + 1) + r ln(1 + μ/r) + y ln(1 + r/μ), μ = exp(η).
    """

    parameters_per_channel: ClassVar[int] = 2
    takes = "whole counts of 0 or more"
    otherwise = "Choose observation: gamma or zero_inflated_gamma for fluorescence."

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        log_mean, log_shape = parameters[..., 0], self._log_shape(parameters)
        spiking = values > 0  # few; in the others the two cancel
        counts, shape = values[spiking].double(), log_shape[spiking].double().exp()  # a difference of large numbers
        difference = (torch.lgamma(counts + shape) - torch.lgamma(shape)).to(values.dtype)
        ways = torch.zeros_like(values).masked_scatter(spiking, difference)
        gap = log_mean - log_shape
        loss = log_shape.exp() * F.softplus(gap) + values * F.softplus(-gap) - ways
        return loss + torch.lgamma(values + 1) if constant else loss

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters[..., 0].exp()

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        shape = self._log_shape(parameters).exp()
        return torch.poisson(torch.distributions.Gamma(shape, shape / self.mean(parameters)).sample())

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        """With r = e, moderately variable."""
        return torch.stack([mean.clamp_min(1e-9).log(), torch.ones_like(mean)], -1)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return torch.isfinite(values) & (values >= 0) & (values == values.floor())

    @staticmethod
    def _log_shape(parameters: Tensor) -> Tensor:
        return parameters[..., 1].clamp(-LARGEST_LOG, LARGEST_LOG)
