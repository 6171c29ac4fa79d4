"""Exact credit through time for errors that enter by other weights than the readout's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.learning._credit import CreditRule, Feedback, FeedbackConfig
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class FeedbackAlignmentConfig(FeedbackConfig):
    """How errors enter the network."""

    feedback: Feedback = "random"
    """`random`: by fixed random weights; `adaptive`: by ones that change as the readout does; `symmetric`: by the readout's, which is back-propagation through time."""


class FeedbackAlignment(CreditRule):
    """Back-propagation through time in which the readout's weights are replaced by random ones on the way back; the recurrence is exact.

    Source: Lillicrap et al. 2016, doi:10.1038/ncomms13276.
    """

    Config: ClassVar = FeedbackAlignmentConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(model.weights)
