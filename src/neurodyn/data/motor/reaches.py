"""Reaches among random targets as conditions: by where they start and where they go.

Published: the places where targets were shown set the workspace and the directions. The public files do not hold them, so both come from the hand here: the
workspace's centre is the mean of the hand at go cues, a reach's direction leads from the hand at its go cue to the hand at its end.
"""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

HALF_WIDTH = 6.5
"""cm from the centre of the workspace to the outer centres."""
NEAR = 2.0
"""cm: a reach belongs to a centre it starts within so much of."""
DIRECTIONS = 6
LEAST_REACHES = 6
"""Of a condition; those with fewer are left out."""


def centres() -> Float[Array, "centre axis"]:
    """A grid of 3 × 3, column by column, then the 4 points between, in cm."""
    grid = np.array([-HALF_WIDTH, 0.0, HALF_WIDTH])
    return np.array([(x, y) for line in (grid, (grid[1:] + grid[:-1]) / 2) for x in line for y in line])


def reach_conditions(start: Float[Array, "reach axis"], end: Float[Array, "reach axis"]) -> np.ndarray:
    """Condition of each reach `(reach,)`, centre × 6 + direction; −1 where it starts at no centre.

    Args:
        start, end: hand in cm at the go cue and at the reach's end, in any frame; the mean start is taken as the workspace's centre.
    """
    own = start - start.mean(0)
    distance = np.linalg.norm(own[:, None] - centres(), axis=2)
    angle = np.arctan2(*(end - start).T[::-1]) % (2 * np.pi)
    direction = np.minimum((angle / (2 * np.pi / DIRECTIONS)).astype(int), DIRECTIONS - 1)
    return np.where(distance.min(1) < NEAR, distance.argmin(1) * DIRECTIONS + direction, -1)


def match_reaches(
    x: Float[Array, "reach time axis"], y: Float[Array, "other_reach time axis"], keep_percentile: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of reaches of two sessions, one to one, with the least mean squared distance between their trajectories.

    Args:
        x, y: hand in cm relative to the start; sessions may have different numbers of reaches.
        keep_percentile: pairs are kept whose distance lies below this percentile of all distances, as published.

    Returns:
        Indices of the reaches of x, and of those of y that belong to them, in the order of y.

    Raises:
        InvalidInput: a percentile that is not above 0 and at most 100.
    """
    from scipy.optimize import linear_sum_assignment

    if not 0 < keep_percentile <= 100:
        raise InvalidInput("keep_percentile", keep_percentile, "above 0 and at most 100")
    flat_x, flat_y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    squares = np.square(flat_y).sum(1)[:, None] + np.square(flat_x).sum(1) - 2 * flat_y @ flat_x.T
    of_y, of_x = linear_sum_assignment(squares)
    kept = squares[of_y, of_x] <= np.percentile(squares, keep_percentile)
    return of_x[kept], of_y[kept]
