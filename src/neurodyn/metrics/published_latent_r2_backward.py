"""Published R² of the inferred latents regressed on the true latents."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._pairs import has
from neurodyn.metrics._published import published_r2, simpler_than_published
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class PublishedLatentR2Backward(Metric):
    """R² of the inferred latents regressed on the true latents, over all trials, as published; for comparison with stored results only."""

    definition = (
        "Ordinary least squares with intercept from the true latents to the inferred latents, all bins; "
        "R2 averaged over channels, each alike; "
        "all trials, training trials included; kept for comparison only."
    )
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return published_r2(evaluation, "latents", to_truth=False)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return simpler_than_published(self.measure, evaluation, "latents")
