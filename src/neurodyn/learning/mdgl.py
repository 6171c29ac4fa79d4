"""Credit through one connection beyond each unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.learning._credit import CreditRule
from neurodyn.learning._types import TypesConfig, type_means
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class MDGLConfig(TypesConfig):
    """How errors reach a unit, and whose connections are alike."""


class MDGL(CreditRule):
    """Multidigraph learning: e-prop, and the credit that comes back through one connection, which carries the mean weight of its two types.

    The first order of credit in α W̄ diag(φ'). W̄ are the means of the present weights. Source: Liu et al. 2021, doi:10.1073/pnas.2111821118.
    """

    Config: ClassVar = MDGLConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(type_means(self.config, model), one_hop=True)
