"""Are messages between areas used? What is lost when they are held at their means."""

from __future__ import annotations

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.message_ablation import Loss, has_messages, message_ablation
from neurodyn.metrics.base import Measurement

_DRAWS = 1000


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
        claims = {
            f"{receiver} uses what {sender} tells it": _certain(loss, learned.seed)
            for (sender, receiver), loss in zip(found.messages, found.each)
        }
        context = {"messages": found.as_mapping()["messages"], CLAIMS: claims}
        return Measurement(sums, lambda s: np.asarray(s[:, 0] / s[:, 1] / np.log(2)), context)


def _certain(loss: Loss, seed: int) -> bool:
    """Whether something is lost in 97.5 % of the bootstrap draws over trials."""
    n = len(loss.held)
    resampled = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=_DRAWS)
    return bool(np.quantile(resampled @ loss.held, 0.025) > 0)
