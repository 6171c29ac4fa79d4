"""Activities that are alike to a reference for reasons no one asked about, and activities that should not be alike at all."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.similarity.activity import Activity


def cross_condition_average(activity: Activity) -> Activity:
    """Every condition replaced by the mean over conditions: what a model that knows nothing of conditions could at best be.

    A bin's mean is over the conditions that have data in it.
    """
    counted = activity.counted[..., None]
    total = np.where(counted, activity.values, 0).sum(0, keepdims=True)
    mean = total / np.maximum(counted.sum(0, keepdims=True), 1)
    return activity.with_values(np.broadcast_to(mean, activity.values.shape), "cross-condition average")


def without_condition_mean(activity: Activity, of: Activity | None = None) -> Activity:
    """The activity minus a cross-condition average: what differs between conditions. Single trials lose the same.

    Args:
        activity: what it is taken out of.
        of: whose average, in the same bins; by default its own. Of conditions that are held out it is that of the others: residuals from one mean sum to zero, so that
            the residuals of all conditions but one are those of the last.
    """
    mean = cross_condition_average(activity if of is None else of).values[0]
    repeats = activity.repeats
    if repeats is not None:
        repeats = dataclasses.replace(repeats, values=repeats.values - mean)
    return dataclasses.replace(activity, values=activity.values - mean, repeats=repeats)


def time_shuffled(activity: Activity, seed: int = 0) -> Activity:
    """Every condition shifted in time by an amount of its own, around its end: as smooth as before, and as correlated across units, but at the wrong times.

    Bins drawn in any order would be too easy to beat: what is smooth resembles what is smooth.
    """
    generator = np.random.default_rng(seed)
    values = np.array(activity.values)
    for row, counted in enumerate(activity.counted):
        where = np.flatnonzero(counted)
        if len(where) > 1:
            values[row, where] = values[row, np.roll(where, generator.integers(1, len(where)))]
    return activity.with_values(values, f"{activity.name}, shifted in time")


def condition_shuffled(activity: Activity, seed: int = 0) -> Activity:
    """Conditions in another order, none in its own place: the right time course, and everything that is known of conditions wrong.

    Bins that the other condition lacks keep their own values.
    """
    from neurodyn.metrics.base import other_trials

    if activity.rows < 2:
        return activity
    partner = other_trials(activity.rows, seed)
    have = (activity.counted & activity.counted[partner])[..., None]
    return activity.with_values(
        np.where(have, activity.values[partner], activity.values), f"{activity.name}, conditions shuffled"
    )


def independent_noise(activity: Activity, seed: int = 0) -> Activity:
    """White Gaussian noise of the same size: what chance gives where no formula is known."""
    values = np.random.default_rng(seed).standard_normal(activity.values.shape)
    return activity.with_values(values, "independent noise")


def surrogates(
    reference: Activity, other: Activity, *, paired: bool = True, without_mean: bool = False, seed: int = 0
) -> dict[str, Activity]:
    """What a reference is compared with beside another activity: itself without its conditions, the other one with its conditions or its times in the wrong place.

    Args:
        reference, other: prepared, in the same conditions and bins where they are paired.
        paired: whether the measure takes rows as pairs; what does not is blind to where conditions and times lie.
        without_mean: whether the mean over conditions has been taken out, so that nothing is left of it.
        seed: of the shuffles.
    """
    found: dict[str, Activity] = {}
    if reference.rows > 1 and not without_mean and (average := cross_condition_average(reference)).varies:
        found["cross_condition_average"] = average
    if paired and reference.rows > 1:
        found["condition_shuffled"] = condition_shuffled(other, seed)
    if paired and other.bins > 1:
        found["time_shuffled"] = time_shuffled(other, seed)
    return found
