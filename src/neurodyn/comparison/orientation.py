"""Which side is which: by measures that are not symmetric an activity is asked how well it explains the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure


def sides(measure: SimilarityMeasure, reference: Activity, other: Activity) -> tuple[Activity, Activity]:
    """x and y of the measure: what explains is x, so that by a measure that is not symmetric the other activity comes first."""
    return (reference, other) if measure.symmetric else (other, reference)


def against(
    measure: SimilarityMeasure, reference: Activity, others: Sequence[Activity], *, device: str = "cpu"
) -> np.ndarray:
    """The value `(other,)` of a reference and each of the others, fitted and scored on the same samples."""
    if measure.symmetric:
        return np.asarray(measure.pairwise([reference], others, device=device)[0])
    return np.asarray(measure.pairwise(others, [reference], device=device)[:, 0])
