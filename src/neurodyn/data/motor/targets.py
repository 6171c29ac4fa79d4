"""Numbers of the eight targets of centre-out reaching."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput

TARGETS = 8


def target_ids(direction: np.ndarray) -> np.ndarray:
    """round((direction + π) / (π/4)) − 1 as published, 0 to 7; an angle a turn further is the same target.

    >>> target_ids(np.array([-3 * np.pi / 4, 0.0, np.pi, 7 * np.pi / 4])).tolist()
    [0, 3, 7, 2]

    Args:
        direction: `(trial,)`, from the centre to the target, in radians.

    Raises:
        InvalidInput: directions that are not finite, or more than two turns: they may be in degrees.
    """
    if not np.isfinite(direction).all() or np.abs(direction).max(initial=0) > 4 * np.pi:
        raise InvalidInput(
            "direction", direction[:5].tolist(), "finite angles in radians", "Convert degrees to radians."
        )
    return np.asarray((np.rint((direction + np.pi) / (np.pi / 4)).astype(int) - 1) % TARGETS)
