"""How surprised a network is by the right class of every bin."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from neurodyn.metrics._task_outputs import answered, compared, context_of, log_probability, with_targets
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class TaskCrossEntropy(Metric):
    """Mean cross-entropy of a task's classes, in nats a bin (arXiv:2506.06904)."""

    definition = "Minus the natural logarithm of the probability that the network gives to the right class, averaged over the test bins that count; nats a bin."
    direction: ClassVar[Literal["higher", "lower"]] = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        return answered(evaluation, "classes")

    def measure(self, evaluation: Evaluation) -> Measurement:
        found = []
        for each in compared(evaluation, "classes"):
            lost = -(each.weight * each.target * log_probability(each.said)).sum((1, 2))
            found.append(np.stack([lost, each.weight.mean(2).sum(1)], 1))
        return Measurement(np.sum(found, 0), _ratio, context_of(evaluation))

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        return with_targets(evaluation)


def _ratio(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[:, 0] / sums[:, 1])
