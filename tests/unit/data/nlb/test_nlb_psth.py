"""Condition averages equal those of densely smoothed activity, gaps and edges included."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from nlb_sessions import PROTOCOL, session
from scipy.signal.windows import gaussian

from neurodyn.data.nlb.psth import averages, condition_labels


def dense_bins(spikes: list[np.ndarray], observed: np.ndarray, length: int, sd: int, bin_ms: int) -> np.ndarray:
    """Smoothed and binned activity of the whole session `(bin, unit)`."""
    kernel = gaussian(6 * sd, sd)
    kernel /= kernel.sum()
    smooth = np.full((length, len(spikes)), np.nan)
    for begin, end in observed:
        for unit, ms in enumerate(spikes):
            raster = np.bincount(ms[(ms >= begin) & (ms < end)] - begin, minlength=end - begin)
            centre = (len(kernel) - 1) // 2
            smooth[begin:end, unit] = np.convolve(raster, kernel)[centre : centre + end - begin]
    padded = np.concatenate([smooth, np.full((-length % bin_ms, len(spikes)), np.nan)])
    binned = np.nansum(padded.reshape(-1, bin_ms, len(spikes)), 1)
    binned[np.isnan(padded[::bin_ms])] = np.nan
    return binned


@pytest.mark.parametrize("bin_ms", [5, 20])
def test_equal_to_dense_smoothing(bin_ms: int) -> None:
    rng = np.random.default_rng(0)
    length = 8000
    observed = np.array([[13, 2411], [2440, 2447], [2502, 5203], [5300, 7950]])
    spikes = [np.sort(rng.integers(0, length, 900)) for _ in range(3)]
    spikes = [ms[((ms[:, None] >= observed[:, 0]) & (ms[:, None] < observed[:, 1])).any(1)] for ms in spikes]
    go = np.sort(rng.choice(np.arange(100, 7900), 40, replace=False)) / 1000 + 0.0003
    go = np.sort(np.r_[0.061, 2.42, 2.46, go, 7.945])  # windows that cross a gap among them
    side = rng.integers(0, 3, len(go)).astype(float)
    side[5] = np.nan
    go[7] = np.nan
    recorded = session(spikes, [True, False, True], observed, {"go_time": go, "side": side, "split": "train"}, length)
    # Overlapping windows of one condition would be cut short: keep those that are apart.
    rows = np.flatnonzero(np.isfinite(go) & np.isfinite(side))
    last: dict[float, float] = {}
    apart = []
    for row in rows:
        if go[row] - last.get(side[row], -1.0) > 0.13:
            last[side[row]] = go[row]
            apart.append(row)
    rows = np.array(apart)
    recorded = dataclasses.replace(recorded, trials=recorded.trials.assign(start_time=np.inf))
    found = averages(recorded, PROTOCOL, bin_ms, rows)
    assert found is not None and found.values.ravel().tolist() == [0, 1, 2]

    binned = dense_bins(spikes, observed, length, 10, bin_ms)[:, [0, 2, 1]]
    bins = 100 // bin_ms  # the window starts 50 ms before the event, no multiple of 20 ms
    for place, condition in enumerate((0, 1, 2)):
        mine = rows[side[rows] == condition]
        assert np.array_equal(mine, found.members[place])
        event = np.round(go[mine] * 1e9).astype(np.int64)
        first = -(-(event - 50_000_000) // (bin_ms * 1_000_000))
        zero = -(-event // (bin_ms * 1_000_000))
        low = (first - zero).min()
        stacked = np.full((len(mine), bins + 2, 3), np.nan)
        for trial, (start, at) in enumerate(zip(first, zero)):
            offset = start - at - low
            stacked[trial, offset : offset + bins] = binned[start : start + bins]
        with np.testing.suppress_warnings() as quiet:
            quiet.filter(RuntimeWarning)
            expected = np.nanmean(stacked, 0)[:bins]
        np.testing.assert_allclose(found.rates[place], expected, rtol=1e-5, atol=1e-7)


def test_windows_end_where_the_next_of_their_condition_starts_and_short_ones_are_left_out() -> None:
    observed = np.array([[0, 1000]])
    go = np.array([0.2, 0.29, 0.5, 0.6])
    trials = {"go_time": go, "side": [0.0, 0, 0, 0], "split": "train", "start_time": [0.0, 0.25, 0.45, 0.9]}
    recorded = session([np.arange(1000), np.arange(1000)], [True, False], observed, trials, 1000)
    found = averages(recorded, PROTOCOL, 5, np.arange(4))
    assert found is not None
    assert found.members[0].tolist() == [0, 1, 2, 3]
    assert np.isfinite(found.rates[0, :18]).all() and np.isnan(found.rates[0, 18:]).all()  # 90 ms of the first trial
    late = dict(trials, go_time=np.array([0.2, 0.24, 0.5, 0.6]), start_time=[0.0, 0.19, 0.45, 0.9])
    cut = averages(session([np.arange(1000)] * 2, [True, False], observed, late, 1000), PROTOCOL, 5, np.arange(4))
    assert cut is not None and cut.members[0].tolist() == [1, 2, 3] and np.isfinite(cut.rates).all()


def test_no_conditions() -> None:
    recorded = session(
        [np.arange(9)] * 2, [True, False], np.array([[0, 99]]), {"go_time": [0.05], "side": [np.nan]}, 99
    )
    assert averages(recorded, PROTOCOL, 5, np.array([0])) is None


def test_labels() -> None:
    assert condition_labels(np.array([[1.0, 2.5], [np.nan, 0]])).tolist() == ["1 / 2.5", None]
