"""Simple statistics of each neuron's activity: what an embedding must tell more than."""

from __future__ import annotations

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.shapes import Array, Float

LAGS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Bins of the autocorrelation; those a trial is too short for are left out."""


def activity_statistics(trials: Trials, *, behaviour: bool = False) -> Float[Array, "unit statistic"]:
    """Mean, s.d., skewness, kurtosis, autocorrelation and correlation with the mean of the other neurons, over the training trials where there are splits.

    Args:
        trials: one session's trials.
        behaviour: also the correlation with every behaviour channel.
    """
    part = trials.train if "split" in trials.table else trials
    values = np.asarray(part.neural.values[:], np.float64)
    known = np.broadcast_to(part.known, values.shape)
    number = np.maximum(known.sum((0, 1)), 1)
    mean = np.sum(values, (0, 1), where=known) / number
    centred = np.where(known, values - mean, 0.0)
    deviation = np.sqrt((centred**2).sum((0, 1)) / number)
    standard = centred / np.where(deviation > 0, deviation, 1.0)
    columns = [mean, deviation, (standard**3).sum((0, 1)) / number, (standard**4).sum((0, 1)) / number]
    columns += [
        _correlated(standard[:, lag:], standard[:, :-lag], known[:, lag:] & known[:, :-lag])
        for lag in LAGS
        if lag < part.bins
    ]
    others = (standard.sum(2, keepdims=True) - standard) / max(part.units - 1, 1)
    columns.append(_correlated(standard, others, known))
    if behaviour and part.behaviour is not None:
        for channel in np.moveaxis(part.behaviour, 2, 0):
            full = np.full(values.shape[:2], np.nan)
            full[:, : channel.shape[1]] = channel
            both = known & np.isfinite(full)[..., None]
            columns.append(_correlated(standard, np.nan_to_num(full)[..., None], both))
    return np.stack(columns, 1)


def _correlated(a: Array, b: Array, known: Array) -> Array:
    """Correlation of each unit's entries that are known, `(unit,)`; 0 where one of the two is constant."""
    number = np.maximum(known.sum((0, 1)), 1)
    a, b = (
        np.where(known, x - np.sum(np.broadcast_to(x, known.shape), (0, 1), where=known) / number, 0) for x in (a, b)
    )
    scale = np.sqrt((a**2).sum((0, 1)) * (b**2).sum((0, 1)))
    return np.asarray((a * b).sum((0, 1)) / np.where(scale > 0, scale, 1.0))
