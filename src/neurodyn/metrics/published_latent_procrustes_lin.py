"""Published shape distance between inferred and true latents, up to any linear map."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._pairs import has
from neurodyn.metrics._published import published_shape_distance, shape_floor, simpler_than_published
from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.similarity.shape_distance import LINEAR


class PublishedLatentProcrustesLin(Metric):
    """Angle between inferred and true latents up to any linear map, over all trials, as published; for comparison with stored results only."""

    definition = (
        "Angular shape distance in radians between the inferred and the true latents, partially whitened, up to any linear map (alpha 1e-6); "
        "all trials, training trials included; kept for comparison only."
    )
    direction = "lower"
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return published_shape_distance(evaluation, "latents", LINEAR)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return simpler_than_published(self.measure, evaluation, "latents") | {
            "floor": shape_floor(evaluation, "latents", LINEAR)
        }
