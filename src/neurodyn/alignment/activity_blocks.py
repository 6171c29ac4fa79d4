"""A population's activity read a few trials at a time, so that thousands of units need not be in memory at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodyn.data.trials import Trials

SMOOTH_BINS = 2.0
"""Standard deviation of the Gaussian that activity is smoothed with."""
_ENTRIES = 4_000_000
"""Numbers of a block (32 MB in float64)."""


@dataclass(frozen=True, eq=False)
class StandardisedActivity:
    """Activity of all units with zero mean and unit variance over some trials, smoothed in time; units that do not vary are 0."""

    trials: Trials
    mean: np.ndarray
    deviation: np.ndarray

    @staticmethod
    def of(trials: Trials) -> StandardisedActivity:
        """Means and deviations of every unit over its known bins, before smoothing; to be used on other trials of the subject too (`dataclasses.replace`)."""
        number, total, square = (np.zeros(trials.units) for _ in range(3))
        for rows in _blocks(trials):
            values, known = _read(trials, rows)
            number += np.broadcast_to(known, values.shape).sum((0, 1))
            total += values.sum((0, 1))
            square += np.einsum("tbu,tbu->u", values, values)
        mean = total / np.maximum(number, 1)
        variance = square / np.maximum(number, 1) - mean**2
        varies = variance > 1e-9 * np.maximum(square / np.maximum(number, 1), np.finfo(float).tiny)
        return StandardisedActivity(trials, mean, np.sqrt(np.where(varies, variance, np.inf)))

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places of some trials, and their activity `(trial, time, unit)`: 0 outside the mask and where a unit is not known.

        The Gaussian's weights are those of the trial's own bins.
        """
        from scipy.ndimage import gaussian_filter1d

        for rows in _blocks(self.trials):
            values, known = _read(self.trials, rows)
            values = np.where(known, (values - self.mean) / self.deviation, 0)
            inside = self.trials.mask[rows][..., None]
            weight = gaussian_filter1d(inside.astype(float), SMOOTH_BINS, 1, mode="constant")
            values = gaussian_filter1d(values, SMOOTH_BINS, 1, mode="constant") / np.maximum(weight, 1e-12)
            yield rows, np.where(inside, values, 0)


def _blocks(trials: Trials) -> list[np.ndarray]:
    size = max(1, _ENTRIES // (trials.bins * trials.units))
    return np.split(np.arange(len(trials)), range(size, len(trials), size))


def _read(trials: Trials, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values in float64 (0 where not known), and what is known."""
    known = trials.mask[rows][..., None]
    own = trials.neural.mask
    if own is not None:
        known = known & own[rows].reshape(*known.shape[:2], -1)
    return np.where(known, trials.neural.rows(rows), 0).astype(np.float64), known
