"""Does the population move slower where the produced interval is longer?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.shapes import Array, Bool, Float

_SUMS = 6


class SpeedIntervalCorrelation(Metric):
    """Correlation of neural speed with the produced interval, the benchmark's `tp corr` (arXiv 2109.04463)."""

    definition = (
        "Mean over conditions of Pearson's r between a trial's mean neural speed (Euclidean norm of the rates' bin-to-bin change over all units, over the "
        "bins where held-out counts are known) and its produced interval."
    )
    direction = "lower"

    def applies(self, evaluation: Evaluation) -> bool:
        test = evaluation.trials["test"]
        named = {"interval_s", "interval_condition"} <= set(test.table)
        return named and evaluation.inferred["test"].rates is not None and bool(_inside(evaluation).any())

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, rates = evaluation.trials["test"], evaluation.inferred["test"].rates
        assert rates is not None
        return speed_interval_correlation(
            rates[:, : test.observed_bins],
            _inside(evaluation),
            test.table["interval_s"].to_numpy(np.float64),
            test.table["interval_condition"].to_numpy(object),
        )


def speed_interval_correlation(
    rates: Float[Array, "trial time unit"],
    inside: Bool[Array, "trial time"],
    interval: np.ndarray,
    condition: Any,
) -> Measurement:
    """Pearson's r between mean speed and interval in each condition, averaged over conditions; nearer −1 is better.

    A trial without interval, condition or two bins inside is left out. A condition with one trial, or whose speeds or intervals are all the same, has no r
    and is left out. Source: Neural Latents Benchmark, arXiv 2109.04463.

    Args:
        rates: expected counts per bin of all units.
        inside: the bins over which a trial's speed is averaged.
        interval: `(trial,)` produced interval, any unit; NaN for outliers.
        condition: `(trial,)` label of each trial, None or NaN for outliers.

    Raises:
        InvalidInput: a rate that is not finite inside.
    """
    speed = _mean_speed(rates, inside)
    labels = np.asarray(condition, object)
    use = np.isfinite(speed) & np.isfinite(interval) & ~pd.isna(labels)
    sums, skipped = [], 0
    for label in pd.unique(labels[use]):
        rows = np.flatnonzero(use & (labels == label))
        s, t = speed[rows], interval[rows]
        if np.ptp(s) == 0 or np.ptp(t) == 0:  # one trial, too
            skipped += 1
            continue
        s, t = (s - s.mean()) / s.std(), (t - t.mean()) / t.std()
        own = np.zeros((len(speed), _SUMS))
        own[rows] = np.column_stack([np.ones(len(rows)), s, t, s * s, t * t, s * t])
        sums.append(own)
    conditions = len(sums)

    def statistic(drawn: np.ndarray) -> np.ndarray:
        n, s, t, ss, tt, st = np.moveaxis(drawn.reshape(len(drawn), conditions, _SUMS), 2, 0)
        spread_s, spread_t = ss - s * s / n, tt - t * t / n
        defined = (spread_s > 1e-9) & (spread_t > 1e-9)  # a draw may repeat one trial
        r = np.where(defined, st - s * t / n, 0) / np.sqrt(np.where(defined, spread_s * spread_t, 1))
        return np.asarray(r.sum(1) / defined.sum(1))

    context = {
        "conditions": conditions,
        "conditions_without_correlation": skipped,
        "trials_left_out": int((~use).sum()),
    }
    return Measurement(np.concatenate(sums, 1) if sums else np.zeros((len(speed), 0)), statistic, context)


def _mean_speed(rates: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean Euclidean norm of the change from one inside bin to the next, `(trial,)`; NaN with fewer than two bins."""
    trial, time = np.nonzero(inside)
    points = rates[trial, time].astype(np.float64)
    if not np.isfinite(points).all():
        row, unit = (int(i) for i in np.argwhere(~np.isfinite(points))[0])
        got = f"{points[row, unit]} at trial {trial[row]}, bin {time[row]}, unit {unit}"
        raise InvalidInput("rates", got, "finite expected counts per bin")
    steps = np.sqrt(np.square(np.diff(points, axis=0)).sum(1))
    within = trial[1:] == trial[:-1]
    count = np.bincount(trial[1:][within], minlength=len(rates))
    total = np.bincount(trial[1:][within], steps[within], minlength=len(rates))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _inside(evaluation: Evaluation) -> np.ndarray:
    """Bins `(trial, time)` where the counts of the first held-out unit (of all units, where none is held out) are known."""
    test = evaluation.trials["test"]
    known = test.known[:, : test.observed_bins]
    return known[:, :, 0] if known.shape[2] == 1 or not len(test.heldout) else known[:, :, test.heldout[0]]
