"""A reservoir: the readout learns, the network stays as it was drawn."""

from __future__ import annotations

from collections.abc import Sequence

from neurodyn.data.batch import Batch
from neurodyn.learning._credit import network_of, passed
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Losses, Objective, Step


class ReadoutOnly(LearningRule):
    """The exact gradient of the readout, and none of anything else: a control of rules that train recurrent weights.

    dW_out = Σ g_t h_t^T, db_out = Σ g_t with g_t = dE/dy_t. Source: Jaeger & Haas 2004 (echo state networks), doi:10.1126/science.1091277.
    """

    def prepare(self, model: Model, seed: int) -> None:
        network_of(model, self)

    def gradients(self, model: Model, objective: Objective, batches: Sequence[Batch], step: Step) -> Losses:
        network = network_of(model, self)
        return Losses.mean([passed(network, objective, batch, step, len(batches)).losses for batch in batches])
