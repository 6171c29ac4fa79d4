"""True latents read linearly from the inferred ones."""

from __future__ import annotations

from neurodyn.metrics._latents import has_latents, mapped_r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class LatentR2Forward(Metric):
    """Variance-weighted R² of the true latents, mapped linearly from the inferred ones: is the truth there?"""

    definition = (
        "Variance-weighted R2 on test trials, all bins, of a linear map with intercept from the inferred to the true latents, fitted on train "
        "with a tiny ridge chosen on valid."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has_latents(evaluation)

    def measure(self, evaluation: Evaluation) -> Measurement:
        return mapped_r2(evaluation, to_truth=True)
