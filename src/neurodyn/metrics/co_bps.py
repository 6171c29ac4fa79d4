"""Co-smoothing: how well held-out units are predicted."""

from __future__ import annotations

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.metrics._bits_per_spike import bits_per_spike, has_rates
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class CoBPS(Metric):
    """Bits per spike of held-out units over the observed bins (arXiv 2109.04463)."""

    definition = (
        "Poisson log likelihood of the held-out units' counts over the observed bins under the predicted rates, minus that under each unit's mean "
        "count over the same test entries, in bits per spike."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        test = evaluation.trials["test"]
        return has_rates(test, evaluation.inferred["test"]) and len(test.heldout) > 0 and bool(_known(test).any())

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        seen, out = test.observed_bins, test.heldout
        return bits_per_spike(
            np.ascontiguousarray(rates[:, :seen, out]),
            np.ascontiguousarray(test.counts[:, :seen, out]),
            _known(test),
            units=out,
        )


def _known(test: Trials) -> np.ndarray:
    """Entries of the held-out units over the observed bins whose counts are known; a benchmark may withhold all of them."""
    known = test.known[:, : test.observed_bins]
    return known if known.shape[2] == 1 else known[:, :, test.heldout]
