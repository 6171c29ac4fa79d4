"""How far each trial's window is moved, so that the place in the window does not tell when the event comes."""

from __future__ import annotations

import numpy as np


def most_jitter_ms(duration_ms: np.ndarray, split: np.ndarray, observed_ms: int, limit_ms: int) -> np.ndarray:
    """Largest move of each trial: what the interval leaves of the window, at most `limit_ms`; 0 for test trials and unknown durations.

    Args:
        duration_ms: length of the interval that ends at the event `(trial,)`.
        split: `train`, `val` or `test`.
        observed_ms: length of the window.
        limit_ms: largest move of any trial.
    """
    left = np.nan_to_num(observed_ms - np.asarray(duration_ms, np.float64), nan=0.0)
    return np.where(np.asarray(split) == "test", 0.0, np.clip(left, 0.0, limit_ms))


def draw_jitter(most_ms: np.ndarray, bin_ms: int) -> np.ndarray:
    """Move of each trial in whole bins: uniform between 0 and its largest, drawn afresh with seed 0 for the trials given, in their order.

    The benchmark's targets were made with NumPy's legacy generator; rounding is half to even.
    """
    most = np.floor(np.round(np.asarray(most_ms, np.float64) / bin_ms, 4))
    uniform = np.random.RandomState(0).random_sample(len(most))
    return np.asarray(np.round(uniform * most), int)
