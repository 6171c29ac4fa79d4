"""Correlation distillation: which units rise and fall together within a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from neurodyn.objectives.strategies.base import Account, Strategy, mean_over

_LEAST_VARIANCE = 1e-8
"""Of a log rate over a trial's bins; below, the unit is constant and correlates with nothing."""


@dataclass(frozen=True)
class CorrelationConfig:
    """No options."""


class Correlation(Strategy):
    """Squared difference of log rates plus that of the units' correlations: hard + mean over trials and pairs (i, j) of (C_S − C_T)²_ij.

    C is the Pearson correlation of two units' log rates over the bins of a trial; a unit whose log rate does not vary has C = 0 with all. The second term does not
    change where a unit's log rate is scaled by a positive number or shifted. The units and the bins that have an entry in the region take part.
    Source: Guo et al. 2025, arXiv:2410.13872.
    """

    Config: ClassVar = CorrelationConfig

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        hard = mean_over((student.log_rates - teacher.log_rates).square(), region)
        bins, units = region.amax(2), region.amax(1)
        mine, theirs = (_standard(account.log_rates, bins, units) for account in (student, teacher))
        apart = mine.mT @ mine - theirs.mT @ theirs
        count = units.sum(1)
        each = apart.square().sum((1, 2)) / count.square().clamp_min(1)
        return hard + mean_over(each, (count > 0).to(each.dtype))


def _standard(
    values: Float[Tensor, "trial time unit"], bins: Float[Tensor, "trial time"], units: Float[Tensor, "trial unit"]
) -> Float[Tensor, "trial time unit"]:
    """Values with mean 0 and norm 1 over the bins that count, so that products of two units' are their correlation; 0 for a unit that does not count or vary."""
    weight, number = bins[..., None], bins.sum(1).clamp_min(1)[:, None, None]
    centred = (values - (values * weight).sum(1, keepdim=True) / number) * weight
    square = centred.square().sum(1, keepdim=True)
    varies = (square > _LEAST_VARIANCE * number) & (units[:, None] > 0)
    return centred * square.masked_fill(~varies, 1.0).rsqrt() * varies
