"""How far a network's outputs are from a task's targets, in units of the targets' variance."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from neurodyn.metrics._task_outputs import Compared, answered, compared, context_of, with_targets
from neurodyn.metrics.base import Evaluation, Measurement, Metric

_CONSTANT = 1e-12
"""An output whose sum of squares about its mean is below this share of that about 0 is constant."""


class NormalisedError(Metric):
    """Squared error over that of the best constant, averaged over outputs: 1 for a constant output, 0 for a perfect one (arXiv:2506.06904)."""

    definition = (
        "Of each output the squared error over the sum of squared deviations of the target from its mean, both over the test entries that count (the squared error alone "
        "where the target is constant), averaged over outputs."
    )
    direction: ClassVar[Literal["higher", "lower"]] = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        return answered(evaluation, "series")

    def measure(self, evaluation: Evaluation) -> Measurement:
        sums = np.concatenate([_sums(each) for each in compared(evaluation, "series")], 2)
        quantities, trials, outputs = sums.shape

        def statistic(added: np.ndarray) -> np.ndarray:
            error, shift, spread, number, raw = added.reshape(len(added), quantities, outputs).transpose(1, 0, 2)
            spread = spread - shift**2 / np.maximum(number, 1)
            constant = spread <= _CONSTANT * np.maximum(raw, np.finfo(float).tiny)
            return np.asarray((error / np.where(constant, 1, spread)).mean(1))

        return Measurement(sums.transpose(1, 0, 2).reshape(trials, -1), statistic, context_of(evaluation))

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        return with_targets(evaluation)


def _sums(each: Compared) -> np.ndarray:
    """Squared error, deviation from the mean, its square, entries and square of the target, summed over bins, `(quantity, trial, output)`."""
    weight = each.weight
    centre = (weight * each.target).sum((0, 1)) / np.maximum(weight.sum((0, 1)), 1)
    deviation = weight * (each.target - centre)
    squares = weight * np.square(each.said - each.target), weight * np.square(each.target)
    return np.stack([q.sum(1) for q in (squares[0], deviation, np.square(deviation), weight, squares[1])])
