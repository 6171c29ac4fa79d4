"""Soft distillation: which units fire, bin by bin, at a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.config import check_range
from neurodyn.objectives.strategies.base import Account, Strategy

_NEVER = -1e9
"""A log rate whose share of the activity is exactly 0."""


@dataclass(frozen=True)
class SoftConfig:
    """The temperature."""

    temperature: float = 2.0
    """τ, above 0; larger ones make units of low rate count more."""

    def __post_init__(self) -> None:
        check_range("soft.temperature", self.temperature, 0, open_low=True)


class Soft(Strategy):
    """τ² KL(p_T ‖ p_S) with p = softmax over units of η / τ, mean over bins.

    A common shift of all log rates of a bin, the gain of the population, does not change it: the student learns its gain from its own loss. Of a bin, the units
    of the region take part. The published code divides by trials alone, so that the loss grows with the bins (`release`).
    Sources: Guo et al. 2025, arXiv:2410.13872; temperature: Hinton et al. 2015, arXiv:1503.02531.
    """

    Config: ClassVar = SoftConfig

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        tau: float = self.config.temperature
        outside = region == 0
        mine, theirs = (
            (account.log_rates / tau).masked_fill(outside, _NEVER).log_softmax(-1) for account in (student, teacher)
        )
        kl = (theirs.exp() * (theirs - mine)).sum(-1)
        bins = (~outside).any(-1).to(kl.dtype)
        over = len(kl) if self.release else bins.sum().clamp_min(1)
        total: Tensor = (kl * bins).sum()
        return tau**2 / over * total
