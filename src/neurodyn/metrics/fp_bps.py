"""Forward prediction: how well the bins after the observed window are predicted."""

from __future__ import annotations

import numpy as np

from neurodyn.metrics._bits_per_spike import bits_per_spike, has_rates
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class FpBPS(Metric):
    """Bits per spike of all units over the forward bins (arXiv 2109.04463)."""

    definition = (
        "Poisson log likelihood of all units' counts over the forward bins under the predicted rates, minus that under each unit's mean count over "
        "the same test entries, in bits per spike."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        test = evaluation.trials["test"]
        return has_rates(test, evaluation.inferred["test"]) and bool(test.known[:, test.observed_bins :].any())

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        seen = test.observed_bins
        return bits_per_spike(
            np.ascontiguousarray(rates[:, seen:]),
            np.ascontiguousarray(test.counts[:, seen:]),
            test.known[:, seen:],
            first_bin=seen,
        )
