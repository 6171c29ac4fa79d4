"""Condition averages of the rates against the true ones, all units together."""

from __future__ import annotations

from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.metrics.psth_r2 import has_psth, measured


class PsthR2Pooled(Metric):
    """R² of the condition averages of the test rates against the true PSTHs, both sums over units first."""

    definition = (
        "1 - sum of squared differences between the test trials' predicted rates averaged within each condition and the true PSTH / sum of squares of "
        "the true PSTHs about each unit's mean, both summed over conditions, bins and units first; no regression and no scaling."
    )
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has_psth(evaluation)

    def measure(self, evaluation: Evaluation) -> Measurement:
        return measured(evaluation, "pooled")
