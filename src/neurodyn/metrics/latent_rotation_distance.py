"""Angle between inferred and true latents after the best rotation."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._pairs import has
from neurodyn.metrics._rotation_distance import rotation_distance
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class LatentRotationDistance(Metric):
    """Angle between inferred and true latents in as many dimensions, up to rotation and scale: is their geometry the true one?"""

    definition = (
        "Angle in radians on test trials between the inferred and the true latents, each reduced to as many principal components as explain 99 % of "
        "the true latents' variance, after the best rotation; means, components and rotation fitted on train."
    )
    direction = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return rotation_distance(evaluation, "latents")

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "latents")
