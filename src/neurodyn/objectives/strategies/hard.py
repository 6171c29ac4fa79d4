"""Hard distillation: squared differences of log rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.objectives.strategies.base import Account, Strategy, mean_over


@dataclass(frozen=True)
class HardConfig:
    """No options."""


class Hard(Strategy):
    """Mean squared difference of log rates, mean (η_S − η_T)²; of the activity itself where that is not spikes.

    Where the teacher knows more than the student, the best student predicts the geometric mean of the teacher's rates, which is below their mean.
    Source: Guo et al. 2025, arXiv:2410.13872.
    """

    Config: ClassVar = HardConfig
    spikes_only: ClassVar[bool] = False

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        return mean_over((student.log_rates - teacher.log_rates).square(), region)
