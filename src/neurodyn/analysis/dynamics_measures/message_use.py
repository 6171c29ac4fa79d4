"""Are messages between areas used? What is lost when they are held at their means."""

from __future__ import annotations

import numpy as np

from neurodyn.analysis.dynamics_measures.base import DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.message_ablation import has_messages, message_ablation
from neurodyn.metrics.base import Measurement


class MessageUse(DynamicsMeasure):
    """Bits per spike lost without messages between areas: 0 where no area uses what it is told."""

    definition = (
        "Bits per spike of all areas lost on test trials when every message between areas is held at its mean over the training trials, Poisson likelihood at "
        "posterior means."
    )

    def applies(self, learned: LearnedDynamics) -> bool:
        return has_messages(learned)

    def measure(self, learned: LearnedDynamics) -> Measurement:
        found = message_ablation(learned)
        sums = np.column_stack([found.all.held, found.all.spikes])
        messages = found.as_mapping()["messages"]
        return Measurement(sums, lambda s: np.asarray(s[:, 0] / s[:, 1] / np.log(2)), {"messages": messages})
