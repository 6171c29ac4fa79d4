"""What independent Gaussian activities score: laws of the singular values of large random matrices."""

from __future__ import annotations

import numpy as np

_ANGLES = (np.arange(4000) + 0.5) / 4000 * np.pi
"""Midpoints of a quadrature over half a turn, in which the densities below have no square root at their ends."""
SPARSE = 0.25
"""Units for each sample up to which `chance_cosine` is good to 3 %."""


def chance_cosine(samples: int, x_units: int, y_units: int) -> float | None:
    """‖XᵀY‖* / (‖X‖ ‖Y‖) of independent centred Gaussians, nuclear over Frobenius norms; None with more units a sample than `SPARSE`.

    XᵀY is then a Gaussian matrix but for its scale, whose singular values follow the law of Marchenko and Pastur. With p = x_units <= q = y_units and β = p / q
    their mean over √q is m(β) = (2/π) ∫ sin²φ / √(1 + β + 2 √β cos φ) dφ over half a turn; the cosine is m √(p / (S - 1)). m(1) = 8 / (3π), m(0) = 1.
    """
    few, many = min(x_units, y_units), max(x_units, y_units)
    if many > SPARSE * (samples - 1):
        return None
    ratio = few / many
    mean = 2 * np.mean(np.sin(_ANGLES) ** 2 / np.sqrt(1 + ratio + 2 * np.sqrt(ratio) * np.cos(_ANGLES)))
    return float(mean * np.sqrt(few / (samples - 1)))


def chance_correlation(samples: int, x_columns: int, y_columns: int) -> float:
    """Mean canonical correlation of independent Gaussians, from Wachter's law of its square (1980, doi:10.1214/aos/1176345134).

    With a = p / (S - 1), b = q / (S - 1), p <= q: density √((λ₊ - λ)(λ - λ₋)) / (2π a λ (1 - λ)), λ± = (√(a(1 - b)) ± √(b(1 - a)))², and p + q - S + 1 correlations
    of exactly 1 where that is positive.
    """
    free = max(samples - 1, 1)
    few, many = min(x_columns, y_columns, free), min(max(x_columns, y_columns), free)
    if few == free or many == free:
        return 1.0
    a, b = few / free, many / free
    high, low = ((np.sqrt(a * (1 - b)) + sign * np.sqrt(b * (1 - a))) ** 2 for sign in (1, -1))
    middle, reach = (high + low) / 2, (high - low) / 2
    squared = middle + reach * np.cos(_ANGLES)
    spread = np.mean((reach * np.sin(_ANGLES)) ** 2 / (2 * a * np.sqrt(squared) * (1 - squared)))
    return float(spread + max(0, few + many - free) / few)


def chance_squared_correlation(samples: int, x_columns: int, y_columns: int) -> float:
    """Mean squared canonical correlation of independent Gaussians, q / (S - 1) for p <= q: exact."""
    return float(min(1.0, max(x_columns, y_columns) / max(samples - 1, 1)))
