"""Inferred inputs read linearly from the true ones."""

from __future__ import annotations

from collections.abc import Mapping

from neurodyn.metrics._mapped_r2 import mapped_r2
from neurodyn.metrics._pairs import has
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class InputR2Backward(Metric):
    """Variance-weighted R² of the inferred inputs, mapped linearly from the true ones: is anything there but the inputs?"""

    definition = (
        "Variance-weighted R2 on test trials, all bins, of a linear map with intercept from the true to the inferred inputs, fitted on train with a tiny ridge "
        "chosen on valid."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "inputs")

    def measure(self, evaluation: Evaluation) -> Measurement:
        return mapped_r2(evaluation, "inputs", to_truth=False)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "inputs")
