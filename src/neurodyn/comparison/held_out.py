"""A measure on conditions that its alignment was not fitted to."""

from __future__ import annotations

import numpy as np

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


def held_out(measure: SimilarityMeasure, x: Activity, y: Activity) -> np.ndarray:
    """The value on each fold's conditions `(fold,)`, with means, maps and penalties from the others.

    Raises:
        InvalidInput: as the measure's `fit` and `score`.
    """
    found = []
    for fold in folds(x.rows):
        rest = np.setdiff1d(np.arange(x.rows), fold)
        fitted = measure.fit(x.take(rows=rest), y.take(rows=rest))
        found.append(fitted.score(x.take(rows=fold), y.take(rows=fold)))
    return np.array(found)
