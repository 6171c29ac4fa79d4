"""Hard distillation of rates: squared differences of expected counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.objectives.strategies.base import Account, Strategy, mean_over


@dataclass(frozen=True)
class HardRateConfig:
    """No options."""


class HardRate(Strategy):
    """Mean squared difference of rates, mean (λ_S − λ_T)², in (counts per bin)².

    Its best student predicts the mean of the teacher's rates, unlike `hard`; units of high rate weigh most.
    """

    Config: ClassVar = HardRateConfig

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        return mean_over((student.log_rates.exp() - teacher.log_rates.exp()).square(), region)
