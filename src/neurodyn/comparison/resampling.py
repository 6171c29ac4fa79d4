"""Intervals: conditions and units drawn again, and what the value becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from neurodyn.comparison.orientation import against
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure


@dataclass(frozen=True, eq=False)
class Draw:
    """Conditions and units of one bootstrap draw, by place."""

    rows: np.ndarray
    units: Mapping[int, np.ndarray]
    """Of populations of each size: populations of one size are drawn alike, so that one and its untrained or shuffled self pair."""

    def of(self, activity: Activity) -> Activity:
        """The activity with the conditions and units that were drawn."""
        return activity.take(rows=self.rows, units=self.units[activity.units])


def bootstrap_draws(rows: int, sizes: Sequence[int], number: int, seed: int = 0) -> list[Draw]:
    """Draws with replacement over conditions and over the units of populations of these sizes.

    A draw of conditions with a single one among them is made again: nothing can be told apart by it.
    """
    found = []
    for place in range(number):
        # A generator for each population size: draws of the reference do not depend on what it is compared with.
        units = {n: np.random.default_rng((seed, place, n)).integers(n, size=n) for n in sorted(set(sizes))}
        generator = np.random.default_rng((seed, place))
        chosen = generator.integers(rows, size=rows)
        while rows > 1 and len(np.unique(chosen)) == 1:
            chosen = generator.integers(rows, size=rows)
        found.append(Draw(chosen, units))
    return found


def drawn_values(
    measure: SimilarityMeasure,
    reference: Activity,
    others: Sequence[Activity],
    draws: Sequence[Draw],
    *,
    progress: bool = False,
) -> np.ndarray:
    """The value of a reference against each of the others in every draw, `(draw, other)`, fitted and scored on the draw; NaN where a side does not vary in it."""
    found = np.full((len(draws), len(others)), np.nan)
    shown = track(draws, f"{measure.label}: draws", console=Console(stderr=True), disable=not progress, transient=True)
    for place, draw in enumerate(shown):
        drawn = [draw.of(each) for each in (reference, *others)]
        moving = [i for i, each in enumerate(drawn[1:]) if each.varies]
        if moving and drawn[0].varies:
            found[place, moving] = against(measure, drawn[0], [drawn[1 + i] for i in moving])
    return found


def interval(value: float, drawn: np.ndarray) -> tuple[float, float]:
    """95 % of the draws' spread about the value; NaN for fewer than two draws.

    Draws repeat conditions and units, which alone moves a distance between populations: what counts is their spread about their own mean.
    """
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < 2 or not np.isfinite(value):
        return float("nan"), float("nan")
    low, high = np.percentile(finite - finite.mean(), [2.5, 97.5])
    return value + float(low), value + float(high)
