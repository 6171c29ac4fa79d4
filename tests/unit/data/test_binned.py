"""Cutting a binned recording into windows and trials."""

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.binned import Binned
from neurodyn.errors import InvalidInput


def binned(bins=100, **fields):
    counts = np.random.default_rng(0).poisson(1.0, (bins, 3))
    return Binned(counts, 0.05, **fields)


def test_windows_follow_one_another_and_say_where_they_start():
    recording = binned(time_s=10.0 + 0.05 * np.arange(100))
    trials = recording.windows(30, forward=5)
    assert trials.counts.shape == (3, 30, 3) and trials.forward == 5
    assert np.array_equal(trials.counts.reshape(90, 3), recording.neural[:90])
    assert trials.table["start_bin"].tolist() == [0, 30, 60]
    assert trials.table["segment"].tolist() == [0, 0, 0]
    assert trials.table["start_s"].tolist() == pytest.approx([10.0, 11.5, 13.0])


def test_start_bin_counts_within_its_segment_and_ids_may_return():
    recording = binned(segment=np.repeat([7, 8, 7], [45, 25, 30]))
    table = recording.windows(20).table
    assert table["segment"].tolist() == [0, 0, 1, 2]
    assert table["segment_id"].tolist() == [7, 7, 8, 7]
    assert table["start_bin"].tolist() == [0, 20, 0, 0]


def test_windows_may_overlap_when_asked():
    assert binned().windows(20, stride=10).table["start_bin"].tolist() == list(range(0, 90, 10))


@pytest.mark.parametrize("lag", [-3, 0, 2])
def test_lagged_behaviour_stays_within_its_segment(lag):
    at = np.arange(100.0)
    trials = binned(segment=np.repeat([0, 1], 50), behaviour={"at": at}).windows(25, forward=5, lag_bins=lag)
    series = trials.signals["at"].values[..., 0]
    assert series.shape == (4, 20)
    for row, start in enumerate([0, 25, 50, 75]):
        expected = start + np.arange(20.0) + lag
        low, high = (0, 50) if row < 2 else (50, 100)
        expected[(expected < low) | (expected >= high)] = np.nan
        assert np.array_equal(series[row], expected, equal_nan=True)


def test_trials_of_different_length_are_masked():
    ids = np.repeat([4, 2, 9], [3, 5, 2])
    recording = binned(10, behaviour={"at": np.arange(10.0)})
    trials = recording.trials(ids, table=pd.DataFrame({"target": [1, 2, 3]}), lag_bins=1)
    assert trials.mask.sum(1).tolist() == [3, 5, 2]
    assert trials.table["trial_id"].tolist() == [4, 2, 9] and trials.table["target"].tolist() == [1, 2, 3]
    assert np.array_equal(trials.counts[1], recording.neural[3:8])
    assert np.array_equal(trials.signals["at"].values[0, :, 0], [1, 2, np.nan, np.nan, np.nan], equal_nan=True)


def test_bins_left_out_of_a_trial_are_masked():
    ids, position = np.repeat([0, 1], [3, 2]), np.array([0, 2, 3, 1, 2])
    trials = binned(5, time_s=np.array([0.0, 0.1, 0.15, 5.05, 5.1])).trials(ids, position=position)
    assert trials.mask.tolist() == [[True, False, True, True], [False, True, True, False]]
    assert (trials.counts[~trials.mask] == 0).all()
    assert trials.table["start_s"].tolist() == pytest.approx([0.0, 5.0])


def test_fluorescence_need_not_be_whole_numbers():
    trials = Binned(np.random.default_rng(0).normal(size=(50, 2)), 0.1, kind="fluorescence").windows(10)
    assert trials.neural.kind == "fluorescence" and len(trials) == 5


@pytest.mark.parametrize(
    ("neural", "fields", "match"),
    [
        (np.ones(10), {}, r"\(time, unit\)"),
        (np.ones((0, 3)), {}, "at least one"),
        (np.ones((5, 0)), {}, "at least one"),
        (np.full((5, 2), 0.5), {}, "fractional"),
        (np.full((5, 2), -1), {}, "negative"),
        (np.full((5, 2), np.nan), {}, "not finite"),
        (np.ones((5, 2), int), {"behaviour": {"hand": np.ones((4, 2))}}, "hand: got 4 time bins; expected 5"),
        (np.ones((5, 2), int), {"segment": np.zeros(6)}, "segment: got 6"),
    ],
)
def test_bad_arrays_are_refused(neural, fields, match):
    with pytest.raises(InvalidInput, match=match):
        Binned(neural, 0.05, **fields)


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        ({"bins": 101}, "at most 100 bins"),
        ({"bins": 0}, "at least one bin"),
        ({"bins": 10, "forward": 10}, "not forward"),
        ({"bins": 10, "stride": 0}, "at least 1"),
    ],
)
def test_bad_windows_are_refused(request_, match):
    with pytest.raises(InvalidInput, match=match):
        binned().windows(**request_)


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        ({"trial_id": np.array([0, 1, 0, 1])}, "trial 0 in two places"),
        ({"trial_id": np.zeros(3)}, "trial_id: got 3"),
        ({"trial_id": np.array([0, 0, 0, 1]), "forward": 1}, "trials of one length"),
        ({"trial_id": np.zeros(4), "position": np.array([0, 2, 1, 3])}, "out of order"),
        ({"trial_id": np.zeros(4), "position": np.arange(4), "lag_bins": 1}, "lag_bins"),
        ({"trial_id": np.zeros(4), "table": pd.DataFrame({"a": [1, 2]})}, "table: got 2"),
    ],
)
def test_bad_trial_ids_are_refused(request_, match):
    with pytest.raises(InvalidInput, match=match):
        binned(4).trials(**request_)


def test_fluorescence_that_is_not_finite_is_refused():
    values = np.ones((50, 2))
    values[7, 1] = np.inf
    with pytest.raises(InvalidInput, match=r"\(0, 7\)"):
        Binned(values, 0.1, kind="fluorescence")
