"""Centred samples, and the distance between two sets of them once aligned, to all digits."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

Form = Literal["angular", "euclidean"]
_ROUNDING = 16 * np.finfo(np.float64).eps
"""Of a mean over samples that are all the same, as a share of it."""
_LEAST_SHARE = 1e-8
"""Of a squared distance in the sum of both squared sizes. Below it, the difference that gives it has lost more than half of its digits."""


def centred(samples: Float[Array, "sample unit"], name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Samples less their mean `(sample, unit)`, the mean `(unit,)`, and the size (Frobenius norm) of what is left.

    Raises:
        InvalidInput: nothing but rounding is left.
    """
    mean = samples.mean(0)
    less = samples - mean
    size = float(np.linalg.norm(less))
    if not size > _ROUNDING * np.sqrt(len(samples)) * float(np.linalg.norm(mean)):
        raise InvalidInput(name, "units that do not vary", "at least one that does")
    return less, mean, size


def distance_of_aligned(
    x: Float[Array, "sample column"],
    y: Float[Array, "sample column"],
    x_rest: float,
    y_rest: float,
    form: Form,
) -> float:
    """Angle in radians (0 to π) or Euclidean distance between x and y as they lie.

    Args:
        x, y: columns that were brought together.
        x_rest, y_rest: size of what either has besides, which meets nothing of the other.
        form: angle or distance.
    """
    if form == "angular":
        x_size, y_size = (math.hypot(float(np.linalg.norm(v)), rest) for v, rest in ((x, x_rest), (y, y_rest)))
        if x_size == 0 or y_size == 0:  # other samples may leave nothing
            return math.pi / 2
        x, y, x_rest, y_rest = x / x_size, y / y_size, x_rest / x_size, y_rest / y_size
        # Chords keep their digits where the arccosine of a cosine near 1 loses half of them.
        apart, along = (math.hypot(float(np.linalg.norm(v)), x_rest, y_rest) for v in (x - y, x + y))
        return 2 * math.atan2(apart, along)
    return math.hypot(float(np.linalg.norm(x - y)), x_rest, y_rest)


def distance_of_cosine(cosine: np.ndarray, x_size: np.ndarray, y_size: np.ndarray, form: Form) -> np.ndarray:
    """The same from the cosine of the angle alone; nan where that would cost more than half of the digits.

    Args:
        cosine: of the aligned activities, `(x, y)`.
        x_size, y_size: `(x, 1)` and `(1, y)` or of every pair, for the Euclidean form.
        form: angle or distance.
    """
    if form == "angular":
        angle = np.arccos(np.clip(cosine, -1, 1))
        return np.where(1 - np.abs(cosine) > _LEAST_SHARE, angle, np.nan)
    both = x_size**2 + y_size**2
    apart = both - 2 * x_size * y_size * cosine
    return np.where(apart > _LEAST_SHARE * both, np.sqrt(np.maximum(apart, 0)), np.nan)


def in_units(angle: np.ndarray | float, radians: bool) -> np.ndarray:
    """An angle in radians, or in right angles."""
    return np.asarray(angle if radians else angle / (np.pi / 2))


def in_radians(value: np.ndarray | float, radians: bool) -> np.ndarray:
    """The reverse of `in_units`."""
    return np.asarray(value if radians else value * (np.pi / 2))
