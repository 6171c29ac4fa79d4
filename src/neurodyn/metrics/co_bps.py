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
        return has_heldout(evaluation)

    def measure(self, evaluation: Evaluation) -> Measurement:
        rates, counts, known = heldout_entries(evaluation)
        return bits_per_spike(rates, counts, known, units=evaluation.trials["test"].heldout)


def has_heldout(evaluation: Evaluation) -> bool:
    """Whether there are rates, and known counts of held-out test units to score them on."""
    test = evaluation.trials["test"]
    return has_rates(test, evaluation.inferred["test"]) and len(test.heldout) > 0 and bool(known_heldout(test).any())


def heldout_entries(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates, counts and known entries of the held-out test units over the observed bins, each `(trial, time, unit)`."""
    test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
    assert rates is not None
    seen, out = test.observed_bins, test.heldout
    return (
        np.ascontiguousarray(rates[:, :seen, out]),
        np.ascontiguousarray(test.counts[:, :seen, out]),
        known_heldout(test),
    )


def known_heldout(trials: Trials) -> np.ndarray:
    """Entries of the held-out units over the observed bins whose counts are known, `(trial, time, unit or one for all)`; a benchmark may withhold all."""
    known = trials.known[:, : trials.observed_bins]
    return known if known.shape[2] == 1 else known[:, :, trials.heldout]
