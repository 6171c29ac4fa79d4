"""Inferred against true rates, unit by unit."""

from __future__ import annotations

from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class RateR2PerNeuron(Metric):
    """Direct R² of each unit's rate against the truth, averaged over units."""

    definition = (
        "Mean over units of 1 - sum of squared errors of the unit's rate / sum of squares of its true rate about its mean, over test trials and all "
        "bins; no regression."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return evaluation.inferred["test"].rates is not None and "rates" in evaluation.trials["test"].truth

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        return r2(test.truth["rates"], rates, test.mask, "channels", "rates")
