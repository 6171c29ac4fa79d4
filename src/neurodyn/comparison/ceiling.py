"""How alike a recording is to itself: what noise leaves for any model to reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.progress import track

from neurodyn.comparison.baselines import without_condition_mean
from neurodyn.comparison.held_out import value_of
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.base import SimilarityMeasure

SPLITS = 20


def halves(activity: Activity, splits: int = SPLITS, seed: int = 0) -> list[tuple[Activity, Activity]]:
    """Condition averages over two random halves of every condition's single trials, so many times.

    Raises:
        InvalidInput: no single trials (condition averages have no ceiling), or fewer than two of a condition.
    """
    repeats = activity.repeats
    if repeats is None:
        raise InvalidInput(activity.name, "condition averages", "single trials", "Averages have no noise ceiling.")
    number = np.bincount(repeats.condition, minlength=activity.rows)
    if number.min() < 2:
        raise InvalidInput(activity.name, f"{number.min()} trials of condition {number.argmin()}", "at least 2 of each")
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(splits):
        first = np.zeros(len(repeats.condition), bool)
        for condition in range(activity.rows):
            own = generator.permutation(np.flatnonzero(repeats.condition == condition))
            first[own[: len(own) // 2]] = True
        found.append((averaged(activity, first), averaged(activity, ~first)))
    return found


def averaged(activity: Activity, chosen: np.ndarray) -> Activity:
    """Condition averages over some of the single trials.

    Args:
        activity: with single trials.
        chosen: bool `(trial,)`.
    """
    repeats = activity.repeats
    assert repeats is not None
    weight = (np.arange(activity.rows)[:, None] == repeats.condition) & chosen
    counted = repeats.mask.astype(float)
    number = weight @ counted
    values = np.where(repeats.mask[..., None], repeats.values, 0)
    total = np.tensordot(weight.astype(float), values, 1)
    average = total / np.maximum(number, 1)[..., None]
    return dataclasses.replace(activity, values=average, mask=activity.counted & (number > 0), repeats=None)


def split_half(
    measure: SimilarityMeasure,
    pairs: Sequence[tuple[Activity, Activity]],
    *,
    without_mean: bool = False,
    progress: bool = False,
) -> float:
    """The mean value between averages over two halves of the trials, on held-out conditions as every score is: what a second recording of half the length would score.

    Where the measure has a cosine, that of the halves c becomes √(2c / (1 + c)) first: what the noise-free averages would score against the whole recording's
    (Spearman and Brown's extrapolation to the whole number of trials, and the square root because a model has no noise).

    Args:
        measure: any.
        pairs: of `halves`.
        without_mean: take the mean over conditions out of each half.
        progress: draw a progress bar on stderr.

    Raises:
        InvalidInput: as the measure.
    """
    if without_mean:
        pairs = [(without_condition_mean(one), without_condition_mean(other)) for one, other in pairs]
    shown = track(
        pairs, f"{measure.label}: ceiling", console=Console(stderr=True), disable=not progress, transient=True
    )
    values = np.array([value_of(measure, *pair, without_mean=without_mean) for pair in shown])
    cosines = measure.as_cosine(values)
    if cosines is None:
        return float(values.mean())
    whole = np.clip(cosines.mean(), 0, 1)
    return float(measure.from_cosine(np.asarray(np.sqrt(2 * whole / (1 + whole)))))
