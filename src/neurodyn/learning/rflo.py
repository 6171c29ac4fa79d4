"""Random feedback local online learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.learning._credit import CreditRule, Feedback, FeedbackConfig
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class RFLOConfig(FeedbackConfig):
    """How errors enter the network."""

    feedback: Feedback = "random"
    """`random`: by fixed random weights, as published; `adaptive`: by ones that change as the readout does; `symmetric`: by the readout's, which is e-prop."""


class RFLO(CreditRule):
    """Random feedback local online learning: no weight transport, and no credit through recurrent connections.

    On a network of the form `rate` it is the published rule, dW_ij = Σ_t (F^T g_t)_i p_ij,t with p_ij,t = (1 − α) p_ij,t−1 + α φ'(v_i,t) r_j,t−1: the derivative is
    filtered with the activity. On one of the form `potential` the derivative stands outside the filter, dW_ij = Σ_t (F^T g_t)_i φ'(a_i,t) ε_j,t, which is e-prop with
    random feedback. The form is the network's: two networks, two exact gradients, two rules that cut the same paths.

    Source: Murray 2019, doi:10.7554/eLife.43299.
    """

    Config: ClassVar = RFLOConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(None)
