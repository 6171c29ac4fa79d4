"""Credit through all connections, by taps that do not change with time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.config import check_range
from neurodyn.learning._credit import CreditRule
from neurodyn.learning._types import TypesConfig, type_means
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class ModPropConfig(TypesConfig):
    """What stands for weights and derivatives."""

    mu: float = 0.2
    """μ, in place of the activation's derivative on recurrent paths."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("rule.mu", self.mu, 0)


class ModProp(CreditRule):
    """ModProp: credit takes any number of connections, which carry the mean weight of their two types and a constant μ for the activation's derivative.

    The surrogate Jacobian (1 − α) I + α μ W̄ does not change with time, so that its part beyond e-prop is a convolution of eligibility traces with fixed taps. W̄ are the
    means of the present weights. Source: Liu et al. 2022, arXiv:2206.01338.
    """

    Config: ClassVar = ModPropConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(type_means(self.config, model), derivative=self.config.mu)
