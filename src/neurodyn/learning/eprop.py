"""Eligibility propagation: credit goes back through the leak alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.learning._credit import CreditRule, FeedbackConfig
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class EpropConfig(FeedbackConfig):
    """How errors reach a unit, and what is cut."""

    cut_self: bool = True
    """Whether a unit's connection to itself is cut too, as in the release of the learning-rule study. False keeps it, which is SnAp-1."""


class Eprop(CreditRule):
    """e-prop for rate networks: dW_ij = Σ_t L_i,t ψ_i,t ε_j,t with the filtered presynaptic activity ε_t = (1 − α) ε_{t−1} + α h_{t−1}.

    The learning signal is L_t = F^T dE/dy_t and what penalties on activity ask; ψ = φ'. On a network of the form `rate` ψ_i,t stands inside the filter.
    Source: Bellec et al. 2020, doi:10.1038/s41467-020-17236-y; as a truncation of the gradient: Liu, Yang & Cueva 2025, arXiv:2506.06904.
    """

    Config: ClassVar = EpropConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(None if self.config.cut_self else model.weights.diagonal())
