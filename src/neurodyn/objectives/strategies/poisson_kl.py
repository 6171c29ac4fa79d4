"""Poisson distillation: the divergence of the teacher's counts from the student's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from neurodyn.objectives.strategies.base import Account, Strategy, mean_over


@dataclass(frozen=True)
class PoissonKLConfig:
    """No options."""


class PoissonKL(Strategy):
    """Mean KL of Poisson counts, mean λ_T (η_T − η_S) − λ_T + λ_S, in nats per entry; gradient λ_S − λ_T in η_S.

    The Poisson loss is linear in its target, so α NLL(y) + (1 − α) NLL(λ_T) = NLL(α y + (1 − α) λ_T): training on a mixture of spikes and teacher rates.
    """

    Config: ClassVar = PoissonKLConfig

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        rates = teacher.log_rates.exp()
        kl = rates * (teacher.log_rates - student.log_rates) - rates + student.log_rates.exp()
        return mean_over(kl, region)
