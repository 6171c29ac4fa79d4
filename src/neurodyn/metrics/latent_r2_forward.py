"""True latents read linearly from the inferred ones."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._mapped_r2 import mapped_r2
from neurodyn.metrics._pairs import has
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class LatentR2Forward(Metric):
    """Variance-weighted R² of the true latents, mapped linearly from the inferred ones: is the truth there?"""

    definition = (
        "Variance-weighted R2 on test trials, all bins, of a linear map with intercept from the inferred to the true latents, fitted on train "
        "with a tiny ridge chosen on valid."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return mapped_r2(evaluation, "latents", to_truth=True)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "latents")
