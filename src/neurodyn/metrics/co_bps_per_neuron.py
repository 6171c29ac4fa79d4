"""Co-smoothing, every held-out unit weighing the same."""

from __future__ import annotations

from neurodyn.metrics._bits_per_spike import bits_per_spike_per_neuron
from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.metrics.co_bps import has_heldout, heldout_entries


class CoBPSPerNeuron(Metric):
    """Mean over held-out units of each unit's own bits per spike over the observed bins."""

    definition = (
        "Mean over held-out units with a test spike of each unit's Poisson log likelihood over the observed bins under the predicted rates, minus "
        "that under its mean count over the same test entries, in bits per spike of that unit."
    )
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has_heldout(evaluation)

    def measure(self, evaluation: Evaluation) -> Measurement:
        rates, counts, known = heldout_entries(evaluation)
        return bits_per_spike_per_neuron(rates, counts, known, units=evaluation.trials["test"].heldout)
