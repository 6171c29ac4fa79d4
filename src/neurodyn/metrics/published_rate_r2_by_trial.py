"""Published R² of the true rates regressed on the inferred rates, trial by trial."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._pairs import has
from neurodyn.metrics._published import published_r2_by_trial, simpler_than_published
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class PublishedRateR2ByTrial(Metric):
    """R² of the true rates regressed on the inferred rates, trial by trial, over all trials, as published; for comparison with stored results only."""

    definition = (
        "Ordinary least squares with intercept from the inferred rates to the true rates, all bins; "
        "each trial's R2 of that regression, about the trial's own means, averaged over units and then over trials; "
        "all trials, training trials included; kept for comparison only."
    )
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "rates")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return published_r2_by_trial(evaluation, "rates", to_truth=True)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return simpler_than_published(self.measure, evaluation, "rates")
