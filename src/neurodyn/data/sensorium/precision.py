"""How responses are scaled: each unit by the inverse of its standard deviation, with a floor for units that hardly respond."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput

FLOOR = 0.01
"""Standard deviations at or below this share of the mean one are replaced by it."""


def precision(std: np.ndarray) -> np.ndarray:
    """1 / std where std > 0.01 mean(std), else 1 / (0.01 mean(std)); the mean is over all that is not NaN.

    Args:
        std: standard deviations of the responses, `(unit, frame)`, or `(unit, 1)` for one a unit.

    Returns:
        float32, of the same shape.

    Raises:
        InvalidInput: no unit varies.
    """
    if np.isnan(std).all() or not (floor := FLOOR * float(np.nanmean(std))) > 0:
        raise InvalidInput("statistics", "responses that do not vary", "a standard deviation above 0")
    return (1 / np.where(std > floor, std, floor)).astype(np.float32)


def std_of_sums(total: np.ndarray, squares: np.ndarray, frames: int) -> np.ndarray:
    """Standard deviation of each unit, `(unit, 1)`, from sums over frames.

    Args:
        total: sum of the responses, `(unit,)`.
        squares: sum of their squares, `(unit,)`.
        frames: how many frames were summed.

    Raises:
        InvalidInput: no frame.
    """
    if not frames:
        raise InvalidInput("statistics", "no trial in tier train", "one at least, to scale responses with")
    mean = total / frames
    return np.sqrt(np.maximum(squares / frames - mean**2, 0))[:, None]
