"""All pairs where what takes long is done once for each activity and not once for each pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity, all_of
from neurodyn.similarity.measures.base import SimilarityMeasure

HELD_NUMBERS = 100_000_000
"""Numbers that are kept of activities at a time, 0.8 GB."""


def each_once(
    measure: SimilarityMeasure,
    activities: Sequence[Activity | np.ndarray],
    others: Sequence[Activity | np.ndarray] | None,
    *,
    of_x: Callable[[Activity], Any],
    of_y: Callable[[Activity], Any],
    compared: Callable[[Any, Any], float],
    numbers: Callable[[Activity], int],
    progress: bool = False,
) -> Float[Array, "activity other"]:
    """`SimilarityMeasure.pairwise` where all activities have data in the same conditions and bins; where not, a pair's match changes both, and pairs are fitted one by one.

    Args:
        measure: which says whether half the pairs are enough where both sides are the same.
        activities, others, progress: as `pairwise` takes them.
        of_x, of_y: what is kept of an activity on either side.
        compared: the value of a pair, from what was kept of both.
        numbers: how many numbers that is; as many activities are kept at a time as memory is meant for.

    Raises:
        InvalidInput: as the measure's `fit`.
    """
    from rich.console import Console
    from rich.progress import Progress

    first = all_of(activities)
    second = first if others is None else all_of(others)
    if not all(np.array_equal(each.counted, first[0].counted) for each in (*first, *second)):
        return SimilarityMeasure.pairwise(measure, activities, others, progress=progress)
    for each in (*first, *second):
        measure.checked(first[0], each)
    mirrored = measure.symmetric and others is None
    found = np.zeros((len(first), len(second)))
    held = max(1, HELD_NUMBERS // (2 * max(numbers(each) for each in (*first, *second))))
    with Progress(console=Console(stderr=True), disable=not progress, transient=True) as bar:
        task = bar.add_task(measure.label, total=found.size)
        for rows in _blocks(len(first), held):
            xs = {i: of_x(first[i]) for i in rows}
            for columns in _blocks(len(second), held):
                if mirrored and columns.stop <= rows.start:
                    continue
                ys = xs if mirrored and columns == rows else {j: of_y(second[j]) for j in columns}
                for i, j in product(rows, columns):
                    if not mirrored or i <= j:
                        found[i, j] = compared(xs[i], ys[j])
                        bar.advance(task, 2 if mirrored and i < j else 1)
    return np.triu(found) + np.triu(found, 1).T if mirrored else found


def _blocks(number: int, size: int) -> list[range]:
    return [range(start, min(start + size, number)) for start in range(0, number, size)]
