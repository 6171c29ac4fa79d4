"""Windows of bins in their principal coordinates, against windows written out one by one."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.delay_embedding import DelayCoordinates

TRIALS, BINS, UNITS = 6, 50, 3


def drawn(*, masked: bool, units: int = UNITS) -> Activity:
    generator = np.random.default_rng(0)
    values = 5 + np.cumsum(generator.normal(size=(TRIALS, BINS, units)), 1)
    if not masked:
        return Activity(values)
    mask = generator.random((TRIALS, BINS)) > 0.03
    mask[2, 30:] = False
    return Activity(np.where(mask[..., None], values, np.nan), mask=mask)


def written_out(activity: Activity, delays: int, interval: int) -> tuple[np.ndarray, np.ndarray]:
    """Every window whose bins all have data, newest bin first, and where windows have."""
    span = (delays - 1) * interval
    rows, valid = [], np.zeros((TRIALS, BINS - span), bool)
    for trial in range(TRIALS):
        for window in range(BINS - span):
            bins = [window + span - delay * interval for delay in range(delays)]
            if activity.counted[trial, bins].all():
                valid[trial, window] = True
                rows.append(activity.values[trial, bins].ravel())
    return np.array(rows), valid


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("delays", "interval"), [(1, 1), (4, 1), (3, 2), (5, 3), (12, 1)])
def test_coordinates_are_the_singular_vectors_of_the_windows(
    delays: int, interval: int, centred: bool, masked: bool
) -> None:
    activity = drawn(masked=masked)
    windows, valid = written_out(activity, delays, interval)
    found = DelayCoordinates.fit(activity, delays, interval, centred=centred)
    np.testing.assert_array_equal(found.valid(activity.counted), valid)
    centre = windows.mean(0) if centred else np.zeros(windows.shape[1])
    np.testing.assert_allclose(found.sizes, np.linalg.svd(windows - centre, compute_uv=False), rtol=1e-8)
    assert found.total == pytest.approx(((windows - centre) ** 2).sum())
    states = found.of(activity, len(found.sizes))[valid]
    np.testing.assert_allclose(states.T @ states, np.eye(len(found.sizes)), atol=1e-8)
    np.testing.assert_allclose(found.newest(states), windows[:, :UNITS], atol=1e-8)


@pytest.mark.parametrize("units", [40, 300])
def test_more_entries_than_windows(units: int) -> None:
    activity = drawn(masked=True, units=units)
    windows, valid = written_out(activity, 10, 1)
    found = DelayCoordinates.fit(activity, 10)
    np.testing.assert_allclose(
        found.sizes[:20], np.linalg.svd(windows - windows.mean(0), compute_uv=False)[:20], rtol=1e-8
    )
    states = found.of(activity, 20)[valid]
    np.testing.assert_allclose(states.T @ states, np.eye(20), atol=1e-8)
    assert len(found.sizes) < valid.sum(), "a centred matrix has one singular value of 0"


def test_components_that_are_rounding_are_left_out() -> None:
    two = drawn(masked=False, units=2).values @ np.random.default_rng(1).normal(size=(2, 7))
    found = DelayCoordinates.fit(Activity(two), 1)
    assert len(found.sizes) == 2
    assert found.rank(5) == found.rank(1.0) == 2
    assert found.rank(1) == 1


def test_rank_is_the_part_explained() -> None:
    found = DelayCoordinates.fit(drawn(masked=False), 5)
    explained = np.cumsum(found.sizes**2) / found.total
    for part in (0.5, 0.9, 0.99):
        rank = found.rank(part)
        assert explained[rank - 1] >= part
        assert rank == 1 or explained[rank - 2] < part


def test_reduced_activity_is_given_back_in_units() -> None:
    generator = np.random.default_rng(2)
    values = drawn(masked=False).values @ generator.normal(size=(UNITS, 8)) + 1e-3 * generator.normal(
        size=(TRIALS, BINS, 8)
    )
    found = DelayCoordinates.fit(Activity(values), 4, pca=0.999)
    assert found.unit_axes is not None
    assert found.unit_axes.shape[1] <= UNITS
    newest = found.newest(found.of(Activity(values), len(found.sizes)))
    np.testing.assert_allclose(newest, values[:, 3:], atol=0.2)


def test_too_short_and_still_activity_are_named() -> None:
    with pytest.raises(InvalidInput, match="no stretch of 60 bins"):
        DelayCoordinates.fit(drawn(masked=False), 59)
    with pytest.raises(InvalidInput, match="do not vary"):
        DelayCoordinates.fit(Activity(np.ones((2, 20, 3))), 4)
