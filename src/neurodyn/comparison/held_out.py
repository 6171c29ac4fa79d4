"""A measure on conditions that its alignment was not fitted to."""

from __future__ import annotations

import numpy as np

from neurodyn.comparison.baselines import without_condition_mean
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure

MOST_FOLDS = 10
LEAST_ROWS = 3
"""Conditions below which none is held out."""


def folds(rows: int) -> list[np.ndarray]:
    """Rows of each fold: one condition each, or neighbouring rows together where there are many (rows that follow one another are alike)."""
    return np.array_split(np.arange(rows), min(rows, MOST_FOLDS))


def can_hold_out(measure: SimilarityMeasure, x: Activity, y: Activity) -> bool:
    """Whether the measure learns an alignment, and there are conditions enough to leave some out."""
    return measure.learns and measure.paired and min(x.rows, y.rows) >= LEAST_ROWS


def held_out(measure: SimilarityMeasure, x: Activity, y: Activity, *, without_mean: bool = False) -> np.ndarray:
    """The value on each fold's conditions `(fold,)`, with means, maps and penalties from the others; NaN where a side does not vary in them, or not in the others.

    Args:
        measure: one that learns.
        x, y: in the same conditions and bins.
        without_mean: take out of both sides the mean over the conditions that are fitted to. The mean over all conditions, taken out before, changes nothing.

    Raises:
        InvalidInput: as the measure's `fit` and `score`.
    """
    found = []
    for fold in folds(x.rows):
        rest = np.setdiff1d(np.arange(x.rows), fold)
        known, left = ([each.take(rows=rows) for each in (x, y)] for rows in (rest, fold))
        if without_mean:
            left = [without_condition_mean(each, of) for each, of in zip(left, known)]
            known = [without_condition_mean(each) for each in known]
        still = not all(each.varies for each in (*known, *left))
        found.append(np.nan if still else measure.fit(*known).score(*left))
    return np.array(found)


def value_of(measure: SimilarityMeasure, x: Activity, y: Activity, *, without_mean: bool = False) -> float:
    """The mean over held-out conditions, or the fitted value where none can be held out.

    Raises:
        InvalidInput: as the measure's `fit` and `score`.
    """
    if can_hold_out(measure, x, y):
        found = held_out(measure, x, y, without_mean=without_mean)
        return float(found[np.isfinite(found)].mean()) if np.isfinite(found).any() else float("nan")
    return measure.fit(x, y).score()
