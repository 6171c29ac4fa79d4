"""Real-time recurrent learning with the diagonal of the Jacobian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.learning._credit import CreditRule, FeedbackConfig
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class Snap1Config(FeedbackConfig):
    """How errors reach a unit."""


class Snap1(CreditRule):
    """SnAp-1: credit goes back through the leak and through each unit's connection to itself.

    The surrogate Jacobian is the diagonal of the exact one, 1 − α + α W_ii φ'_i. Source: Menick et al. 2021, arXiv:2006.07232.
    """

    Config: ClassVar = Snap1Config

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(model.weights.diagonal())
