"""Angle between inferred and true inputs after the best rotation."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._pairs import has
from neurodyn.metrics._rotation_distance import rotation_distance
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class InputRotationDistance(Metric):
    """Angle between inferred and true inputs in as many dimensions, up to rotation and scale: are they the true ones as they stand?"""

    definition = (
        "Angle in radians on test trials between the inferred and the true inputs, each reduced to as many principal components as explain 99 % of "
        "the true inputs' variance, after the best rotation; means, components and rotation fitted on train."
    )
    direction = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "inputs")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return rotation_distance(evaluation, "inputs")

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "inputs")
