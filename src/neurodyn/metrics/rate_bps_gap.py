"""How many bits per spike the rates lose against the true ones."""

from __future__ import annotations

from neurodyn.metrics._bits_per_spike import bits_per_spike, has_rates
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class RateBPSGap(Metric):
    """Bits per spike lost against the true rates, on counts that no model has seen: those expected from the true rates."""

    definition = (
        "(Poisson NLL of the rates - NLL of the true rates) / (spikes ln 2) on test trials, all bins and units, expected over fresh counts drawn from the "
        "true rates; 0 for the true rates only."
    )
    direction = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        test = evaluation.trials["test"]
        return has_rates(test, evaluation.inferred["test"]) and "rates" in test.truth

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        true, known = test.truth["rates"], test.known
        # With the true rates in the place of counts, the log likelihood is the one expected of fresh counts.
        of_truth, of_rates = bits_per_spike(true, true, known), bits_per_spike(rates, true, known)
        seen = [bits_per_spike(each, test.counts, known).value for each in (true, rates)]
        sums = of_truth.sums.copy()
        sums[:, 0] -= of_rates.sums[:, 0]
        context = {"on_the_counts_themselves": seen[0] - seen[1], "floored_rates": of_rates.context["floored_rates"]}
        return Measurement(sums, of_truth.statistic, context)
