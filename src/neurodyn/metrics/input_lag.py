"""How many bins inferred inputs come too late or too early."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.metrics._mapped_r2 import fitted_map
from neurodyn.metrics._pairs import has, inferred_of, true_of
from neurodyn.metrics._pooled_correlation import correlation, correlation_sums
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric

LARGEST_S = 0.1
"""Lags are looked for up to this far either way, and up to a quarter of the bins."""


class InputLag(Metric):
    """Bins between inferred and true inputs where they correlate best; `context` has the sign (late is positive) and the correlation."""

    definition = (
        "Absolute lag in bins at which the inferred inputs, mapped linearly to the true ones (fitted on train), correlate best with them on test trials; "
        "channels weigh by their variance, and every lag is judged on the same bins of the true inputs."
    )
    direction = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "inputs")

    def measure(self, evaluation: Evaluation) -> Measurement:
        pairs = {
            s: (inferred_of(evaluation, s, "inputs"), true_of(evaluation, s, "inputs")) for s in evaluation.inferred
        }
        found, _ = fitted_map(evaluation, pairs)
        test = evaluation.trials["test"]
        most = min(round(LARGEST_S / test.bin_s), test.bins // 4)
        return input_lag(found, pairs["test"][1], test.mask, most)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "inputs")


def input_lag(found: np.ndarray, true: np.ndarray, mask: np.ndarray, most: int) -> Measurement:
    """The lag of `found` behind `true`, both `(trial, time, channel)`, by the peak of their correlation.

    Args:
        mask: bool `(trial, time)`. A bin of the truth is used where every lag leads to a bin inside; trials shorter than that say nothing.
        most: the largest lag looked at, in bins.
    """
    lags = np.arange(-most, most + 1)
    bins = mask.shape[1] - 2 * most
    shifted = [slice(most + lag, most + lag + bins) for lag in lags]
    inside = np.logical_and.reduce([mask[:, part] for part in shifted])
    centre = true[:, most : most + bins]
    sums = np.stack([correlation_sums(found[:, part], centre, inside) for part in shifted], 1)

    def correlations(drawn: np.ndarray) -> np.ndarray:
        return correlation(drawn.reshape(-1, sums.shape[2])).reshape(-1, len(lags))

    def statistic(drawn: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(lags[_peak(correlations(drawn), most)]), float)

    flat = sums.reshape(len(sums), -1)
    whole = correlations(flat.sum(0, keepdims=True))
    peak = int(_peak(whole, most)[0])
    return Measurement(flat, statistic, {"lag_bins": int(lags[peak]), "correlation": float(whole[0, peak])})


def _peak(correlations: np.ndarray, most: int) -> np.ndarray:
    """Index of the largest correlation of each row; of equal ones, the nearest to lag 0."""
    order = np.argsort(np.abs(np.arange(-most, most + 1)), kind="stable")
    return np.asarray(order[np.argmax(correlations[:, order], 1)])
