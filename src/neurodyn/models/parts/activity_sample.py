"""Enough of a subject's activity to know its units by, whatever the size of the recording."""

from __future__ import annotations

import numpy as np

from neurodyn.data.trials import Trials

ENTRIES = 2**25
"""Values that are read at most."""


def activity_sample(trials: Trials, entries: int = ENTRIES) -> tuple[np.ndarray, np.ndarray]:
    """Activity of evenly spaced trials, `(trial, time, unit)` in recorded order with zeros where it is not known, and whether it is known, of the same shape."""
    count = min(len(trials), max(1, entries // (trials.bins * trials.units)))
    rows = np.unique(np.linspace(0, len(trials) - 1, count).astype(int))
    values = np.asarray(trials.neural.rows(rows), np.float32)
    known = np.broadcast_to(trials.known[rows], values.shape).copy()  # torch takes writable arrays
    return np.where(known, values, 0), known
