"""Inferred against true rates, all units together."""

from __future__ import annotations

from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class RateR2(Metric):
    """Direct R² of the rates against the truth, both sums of squares over all units first."""

    definition = (
        "1 - sum of squared errors of the rates / sum of squares of the true rates about each unit's mean, both summed over test trials, all bins "
        "and all units first; no regression."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return evaluation.inferred["test"].rates is not None and "rates" in evaluation.trials["test"].truth

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        return r2(test.truth["rates"], rates, test.mask, "pooled", "rates")
