"""Zero-inflated gamma observations: deconvolved fluorescence, which is zero in most bins and skewed in the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.observations.base import Observation
from neurodyn.observations.gamma import gamma_loss

SMALLEST = 1e-5
"""Least value of every squashed parameter."""
SMALLEST_ZERO = 1e-6
"""Least probability of a zero."""


@dataclass(frozen=True)
class ZeroInflatedGammaConfig:
    """Where the gamma begins, and the scales of its parameters."""

    loc: float = 0.0
    """Values that are not zero lie above it: the smallest event the deconvolution can find."""
    scale_init: float = 20.0
    """A_n and B_n, the largest shape and rate of each channel, at the start of training."""
    scale_prior: float = 20.0
    """What the penalty draws the scales to."""
    scale_penalty: float = 0.0
    """Weight of the penalty ½ Σ (scale − prior)² on the scales, beside the model's weight penalties."""

    def __post_init__(self) -> None:
        check_range("model.observation.loc", self.loc, 0)
        check_range("model.observation.scale_init", self.scale_init, 0, open_low=True)
        check_range("model.observation.scale_prior", self.scale_prior, 0, open_low=True)
        check_range("model.observation.scale_penalty", self.scale_penalty, 0)


class ZeroInflatedGamma(Observation):
    """Values y that are zero with probability 1 − q and gamma-distributed above `loc` otherwise.

    Three raw numbers per channel pass through σ and are bounded below by 1e-5: s_a, s_b, q (1 − q by 1e-6). Shape a = s_a A_n and rate b = s_b B_n
    with scales A_n, B_n trained for each channel. NLL = −ln(1 − q) for y = 0, −ln q − ln Gamma(y − loc; a, b) for y > 0; mean q (a / b + loc).
    Sources: Wei et al. 2020, doi:10.1101/637652; Zhu et al. 2022, doi:10.1038/s41593-022-01189-0.
    """

    Config: ClassVar = ZeroInflatedGammaConfig
    parameters_per_channel: ClassVar[int] = 3
    otherwise = "Set what is below to 0, or choose observation: gaussian."

    def __init__(self, channels: int = 1, config: Any = None) -> None:
        super().__init__(channels, config)
        self.takes = f"zeros and values above {self.config.loc:g}"
        self.shape_scale = nn.Parameter(torch.full((channels,), float(self.config.scale_init)))
        """A `(channel,)`."""
        self.rate_scale = nn.Parameter(torch.full((channels,), float(self.config.scale_init)))
        """B `(channel,)`."""

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        shape, rate, event = self._of(parameters)
        events = values != 0  # few, and the gamma law is costly
        above = gamma_loss(shape[events].log(), rate[events].log(), values[events] - self.config.loc)
        none = -(1 - event).clamp_min(SMALLEST_ZERO).log()
        return none.masked_scatter(events, above - event[events].log())

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        shape, rate, event = self._of(parameters)
        return event * (shape / rate + self.config.loc)

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        shape, rate, event = self._of(parameters)
        return torch.bernoulli(event) * (torch.distributions.Gamma(shape, rate).sample() + self.config.loc)

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        """With q = ½ (less where the mean is below loc), and a = 1 where the scales allow it: an exponential distribution of events."""
        mean = mean.clamp_min(1e-4)
        event = torch.full_like(mean, 0.5)
        if self.config.loc > 0:
            event = torch.minimum(event, 0.5 * mean / self.config.loc)
        scale = self._scale(self.shape_scale)
        ratio = (mean / event - self.config.loc) * self._scale(self.rate_scale) / scale  # s_a / s_b
        squashed = torch.minimum((1 / scale).expand_as(ratio), 0.9 * ratio.clamp_max(1))
        return torch.stack([squashed.logit(), (squashed / ratio).logit(), event.logit()], -1)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return torch.isfinite(values) & ((values == 0) | (values > self.config.loc))

    def penalty(self) -> Tensor | None:
        """½ · scale_penalty · Σ (scale − scale_prior)² over A and B."""
        if self.config.scale_penalty == 0:
            return None
        apart: Tensor = torch.cat([self.shape_scale, self.rate_scale]) - self.config.scale_prior
        return apart.square().sum().mul(0.5 * self.config.scale_penalty)

    def _of(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """a, b and q `(..., channel)`."""
        shape, rate, event = parameters.sigmoid().clamp_min(SMALLEST).unbind(-1)
        return (
            shape * self._scale(self.shape_scale),
            rate * self._scale(self.rate_scale),
            event.clamp_max(1 - SMALLEST_ZERO),
        )

    @staticmethod
    def _scale(scale: Tensor) -> Tensor:
        return scale.clamp_min(SMALLEST)
