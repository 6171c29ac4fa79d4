"""Surrogates keep what they should and lose what they should."""

from __future__ import annotations

import numpy as np

from neurodyn.comparison.baselines import (
    condition_shuffled,
    cross_condition_average,
    independent_noise,
    surrogates,
    time_shuffled,
    without_condition_mean,
)
from neurodyn.similarity.activity import Activity


def _activity(masked: bool = False) -> Activity:
    rng = np.random.default_rng(0)
    mask = None
    if masked:
        mask = np.ones((5, 20), bool)
        mask[1, 12:] = False
    return Activity(rng.normal(size=(5, 20, 4)), mask)


def test_cross_condition_average_is_the_mean_of_the_bins_with_data() -> None:
    activity = _activity(masked=True)
    found = cross_condition_average(activity).values
    assert np.allclose(found[:, :12], activity.values[:, :12].mean(0))
    assert np.allclose(found[:, 12:], activity.values[[0, 2, 3, 4], 12:].mean(0))


def test_what_is_left_without_the_mean_has_none() -> None:
    activity = _activity()
    left = without_condition_mean(activity)
    assert np.allclose(left.values.mean(0), 0)
    assert np.allclose(left.values + cross_condition_average(activity).values, activity.values)


def test_time_is_shifted_in_every_condition_and_nothing_leaves_the_mask() -> None:
    activity = _activity(masked=True)
    found = time_shuffled(activity, 3)
    for row, counted in enumerate(activity.counted):
        own, moved = activity.values[row, counted], found.values[row, counted]
        shifts = [
            k
            for k in range(len(own))
            if np.array_equal(np.roll(own, k, 0), moved) or np.array_equal(np.roll(own, -k, 0), moved)
        ]
        assert shifts and shifts[0] > 0
        assert np.array_equal(activity.values[row, ~counted], found.values[row, ~counted])


def test_no_condition_keeps_its_place() -> None:
    activity = _activity()
    found = condition_shuffled(activity, 1).values
    places = [int(np.flatnonzero((activity.values == row).all((1, 2)))[0]) for row in found]
    assert sorted(places) == list(range(5))
    assert all(place != i for i, place in enumerate(places))


def test_inputs_are_left_alone_and_noise_has_their_size() -> None:
    activity = _activity()
    before = activity.values.copy()
    for made in (time_shuffled(activity), condition_shuffled(activity), independent_noise(activity)):
        assert made.values.shape == before.shape
        assert np.array_equal(activity.values, before)


def test_surrogates_are_those_that_mean_something() -> None:
    activity = _activity()
    every = {"cross_condition_average", "condition_shuffled", "time_shuffled"}
    assert set(surrogates(activity, activity)) == every
    assert set(surrogates(activity, activity, without_mean=True)) == every - {"cross_condition_average"}
    assert set(surrogates(activity, activity, paired=False)) == {"cross_condition_average"}
    samples = activity.take(bins=slice(1))
    assert set(surrogates(samples, samples)) == {"condition_shuffled"}  # the average over samples stands still
    assert not surrogates(activity.take(rows=slice(1)), activity.take(rows=slice(1)), paired=False)
