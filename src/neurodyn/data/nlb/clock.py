"""The benchmark's clock: whole milliseconds from the start of the first file; bins and rows of bins lie on it, not on trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.data.binning import NS, bin_spikes, ticks

NEVER = np.iinfo(np.int64).max
"""A time, in ns, that does not come."""
_NS_IN_MS = NS // 1000


def spike_ms(times_s: np.ndarray) -> np.ndarray:
    """Millisecond of each spike, int32. Rounded to 6 decimals of a ms before it is cut off, so that 0.003 s is 3 and not 2."""
    return np.round(np.asarray(times_s, np.float64) * 1000, 6).astype(np.int32)


def observed_ms(intervals_s: np.ndarray, length_ms: int) -> np.ndarray:
    """Milliseconds within observation intervals, as sorted intervals `(interval, 2)` that do not touch, [start, stop).

    A start is rounded up, an end down. Intervals that touch or overlap become one.
    """
    bounds = np.round(np.asarray(intervals_s, np.float64).reshape(-1, 2) * 1000, 6)
    low = np.clip(np.ceil(bounds[:, 0]), 0, length_ms).astype(np.int64)
    high = np.clip(np.floor(bounds[:, 1]), 0, length_ms).astype(np.int64)
    return joined(np.column_stack([low, high])[low < high])


def joined(intervals: np.ndarray) -> np.ndarray:
    """Intervals `(interval, 2)` sorted, those that touch or overlap made one."""
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(intervals[:, 1]) if len(intervals) else intervals[:, 1]
    first = np.r_[True, intervals[1:, 0] > reach[:-1]][: len(intervals)]
    last = np.r_[first[1:], True][: len(intervals)]
    return np.column_stack([intervals[first, 0], reach[last]])


def inside(ms: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Whether each millisecond lies in one of the sorted intervals; shape of `ms`."""
    if not len(intervals):
        return np.zeros(ms.shape, bool)
    at = np.searchsorted(intervals[:, 0], ms, "right") - 1
    return np.asarray((at >= 0) & (ms < intervals[at, 1]))


def clock_ns(times_s: np.ndarray, shift_ms: np.ndarray) -> np.ndarray:
    """Times on the clock of their files, in seconds, as ns on the session's; `NEVER` where there is none."""
    times = np.asarray(times_s, np.float64)
    missing = ~np.isfinite(times)
    moved = ticks(np.where(missing, 0.0, times)) + np.asarray(shift_ms, np.int64) * _NS_IN_MS
    return np.where(missing, NEVER, moved)


def row_from(time_ns: np.ndarray, bin_ms: int) -> np.ndarray:
    """The first bin whose left edge lies at or after a time."""
    return -(-np.asarray(time_ns, np.int64) // (bin_ms * _NS_IN_MS))


def ms_ns(ms: int | np.ndarray) -> int | np.ndarray:
    """Milliseconds as nanoseconds."""
    return ms * _NS_IN_MS


def count(spikes: Sequence[np.ndarray], first: np.ndarray, bins: int, bin_ms: int) -> np.ndarray:
    """Spike counts `(window, bins, unit)` of windows of `bins` bins from the rows `first`.

    Args:
        spikes: increasing milliseconds of each unit's spikes.
        first: row of each window's first bin.
        bins: bins of a window.
        bin_ms: bin width.
    """
    return bin_spikes(spikes, first * bin_ms, np.arange(bins + 1) * bin_ms)
