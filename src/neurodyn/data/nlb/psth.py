"""Condition averages of smoothed activity, from spike times: only the windows and half a kernel around them are ever smoothed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.data.nlb.clock import NEVER, inside, ms_ns, row_from
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.session import GROUPS, Session

SHORTEST = 0.8
"""Trials shorter than this share of the mean of their condition are left out."""


@dataclass(frozen=True, eq=False)
class Averages:
    """Condition averages, and the trials that went into them."""

    rates: np.ndarray
    """`(condition, time, unit)` in spikes per bin, held-in units first; NaN in bins that a condition does not reach."""
    values: np.ndarray
    """Values of the condition's columns `(condition, column)`, sorted."""
    members: tuple[np.ndarray, ...]
    """Rows of the trial table that were averaged, one array a condition."""


@dataclass(frozen=True, eq=False)
class _Windows:
    """Windows of the trials that are averaged, in bins."""

    condition: np.ndarray
    """Condition of each window."""
    zero: np.ndarray
    """Row of the bin that the alignment time falls before."""
    start: np.ndarray
    """First bin, relative to `zero`."""
    stop: np.ndarray
    """Bin after the last, relative to `zero`."""

    def select(self, which: np.ndarray) -> _Windows:
        return _Windows(self.condition[which], self.zero[which], self.start[which], self.stop[which])


def averages(session: Session, protocol: Protocol, bin_ms: int, rows: np.ndarray) -> Averages | None:
    """Averages over the trials of each condition; None where no trial has one.

    Spikes are smoothed in bins of 1 ms with a Gaussian of int(6 sd) taps, centred at (taps - 1) / 2, separately within each observation interval and
    without renormalisation at its edges, then summed in bins. Trials are averaged by time from the alignment; missing bins are left out.

    Args:
        session: the recording.
        protocol: conditions, kernel, window.
        bin_ms: bin width.
        rows: rows of the trial table that count, increasing.
    """
    values = np.column_stack([session.values(column) for column in protocol.psth_conditions])[rows]
    counts = np.isfinite(values).all(1)
    if protocol.outlier:
        counts &= session.values(protocol.outlier)[rows] == 0
    conditions, of = np.unique(values[counts], axis=0, return_inverse=True)
    rows = rows[counts]
    windows, kept = _windows(session, protocol, bin_ms, rows, of.ravel())
    present = np.unique(windows.condition)
    if not len(present):
        return None
    low, high = int(windows.start.min()), int(windows.stop.max())
    bins, _ = protocol.bins(bin_ms)
    summed = [
        _sums(session, group, windows, low, high, len(conditions), bin_ms, protocol.psth_sd_ms) for group in GROUPS
    ]
    front = protocol.interval is not None
    rates = np.full((len(present), bins, sum(total.shape[2] for total, _ in summed)), np.nan, np.float32)
    for place, condition in enumerate(present.tolist()):
        mine = windows.condition == condition
        union = slice(int(windows.start[mine].min()) - low, int(windows.stop[mine].max()) - low)
        shortest = min(int((windows.stop - windows.start)[mine].min()), bins)
        with np.errstate(invalid="ignore"):
            mean = np.concatenate(
                [total[condition, union] / number[condition, union, None] for total, number in summed], axis=1
            )
        if front:
            rates[place, bins - shortest :] = mean[len(mean) - shortest :]
        else:
            rates[place, :shortest] = mean[:shortest]
    members = tuple(rows[kept][windows.condition == condition] for condition in present)
    return Averages(rates, conditions[present], members)


def condition_labels(values: np.ndarray) -> np.ndarray:
    """`a / b` of each row of numbers `(row, column)`; None where one is missing."""
    found = np.empty(len(values), object)
    for row, each in enumerate(values):
        found[row] = None if np.isnan(each).any() else " / ".join(f"{value:g}" for value in each)
    return found


def _windows(
    session: Session, protocol: Protocol, bin_ms: int, rows: np.ndarray, condition: np.ndarray
) -> tuple[_Windows, np.ndarray]:
    """Windows of the trials that are long enough, and which of `rows` they are."""
    end = session.times_ns(protocol.align)
    if protocol.interval is None:
        there = end != NEVER
        at = np.where(there, end, 0)
        begin = np.where(there, at + ms_ns(protocol.window_ms[0]), NEVER)
        finish = at + ms_ns(protocol.window_ms[1])
    else:
        begin = session.times_ns(protocol.interval[0])
        there = (end != NEVER) & (begin != NEVER)
        finish = at = np.where(there, end, 0)
    next_start = np.append(session.times_ns("start_time")[1:], NEVER)
    bound = np.minimum(begin, next_start)
    stop = row_from(finish, bin_ms)[rows]
    for each in np.unique(condition):  # a window ends where the next one of its condition starts
        mine = np.flatnonzero(condition == each)
        stop[mine[:-1]] = np.minimum(stop[mine[:-1]], row_from(bound[rows[mine[1:]]], bin_ms))
    stop = np.minimum(stop, -(-session.length_ms // bin_ms))
    start = np.maximum(row_from(np.where(there, begin, 0), bin_ms)[rows], 0)
    zero = row_from(at, bin_ms)[rows]
    length = stop - start
    kept = there[rows] & (length > 0)
    total = np.bincount(condition[kept], length[kept], minlength=condition.max(initial=-1) + 1)
    number = np.bincount(condition[kept], minlength=len(total))
    kept &= length >= SHORTEST * (total / np.maximum(number, 1))[condition]
    return _Windows(condition, zero, start - zero, stop - zero).select(kept), kept


def _sums(
    session: Session, group: str, windows: _Windows, low: int, high: int, conditions: int, bin_ms: int, sd_ms: int
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed activity summed over trials `(condition, high - low, unit)`, and the trials in each sum `(condition, high - low)`.

    Smoothing is linear: windows that lie in one observation interval are summed in milliseconds from their alignment before they are smoothed.
    """
    spikes, observed = session.group(group), session.observed[group]
    kernel = _Kernel(sd_ms, bin_ms)
    segment = np.maximum(np.searchsorted(observed[:, 0], (windows.zero + windows.start) * bin_ms, "right") - 1, 0)
    begin, end = observed[segment].T if len(observed) else np.zeros((2, len(segment)), np.int64)
    whole = (begin <= (windows.zero + windows.start) * bin_ms) & ((windows.zero + windows.stop) * bin_ms <= end)
    total = np.zeros((conditions, high - low, len(spikes)))
    number = np.zeros((conditions, high - low), np.int64)
    inner = windows.select(whole)
    # Windows with the same condition and bins are summed together.
    keys = np.column_stack([inner.condition, inner.start, inner.stop])
    alike, of = np.unique(keys, axis=0, return_inverse=True)
    within = (np.arange(low, high) >= alike[:, 1:2]) & (np.arange(low, high) < alike[:, 2:3])
    np.add.at(number, alike[:, 0], within * np.bincount(of.ravel(), minlength=len(alike))[:, None])
    first, last = low * bin_ms - kernel.taps, high * bin_ms + kernel.taps
    smooth = kernel.matrix(np.arange(low, high), np.arange(first, last))
    origin = inner.zero * bin_ms
    bounds = np.maximum(begin[whole], origin + first), np.minimum(end[whole], origin + last)
    for unit, ms in enumerate(spikes if len(alike) else ()):
        at, window = _between(ms, *bounds)
        place = of.ravel()[window] * (last - first) + at - origin[window] - first
        raster = np.bincount(place, minlength=len(alike) * (last - first)).reshape(len(alike), -1)
        np.add.at(total[:, :, unit], alike[:, 0], np.where(within, raster @ smooth.T, 0.0))
    for one in np.flatnonzero(~whole):
        rows = windows.zero[one] + np.arange(windows.start[one], windows.stop[one])
        known = inside(rows * bin_ms, observed)
        where = slice(int(windows.start[one]) - low, int(windows.stop[one]) - low)
        smoothed = _across(spikes, observed, rows, kernel)
        total[windows.condition[one], where] += np.where(known[:, None], smoothed, 0.0)
        number[windows.condition[one], where] += known
    return total, number


def _between(ms: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes in [low, high) of each window: their milliseconds, and the window of each."""
    first, last = np.searchsorted(ms, low), np.searchsorted(ms, high)
    amount = np.maximum(last - first, 0)
    window = np.repeat(np.arange(len(low)), amount)
    chosen = np.arange(len(window)) - np.repeat(np.cumsum(amount) - amount - first, amount)
    return ms[chosen].astype(np.int64), window


def _across(spikes: list[np.ndarray], observed: np.ndarray, rows: np.ndarray, kernel: _Kernel) -> np.ndarray:
    """Smoothed activity `(row, unit)` of one window that leaves an observation interval."""
    out = np.zeros((len(rows), len(spikes)))
    low, high = int(rows[0]) * kernel.bin_ms, (int(rows[-1]) + 1) * kernel.bin_ms
    near = (observed[:, 1] > low) & (observed[:, 0] < high)
    for begin, end in observed[near].tolist():
        times = np.arange(max(begin, low - kernel.taps), min(end, high + kernel.taps))
        raster = np.stack([np.bincount(_cut(ms, times) - times[0], minlength=len(times)) for ms in spikes], axis=1)
        out += kernel.matrix(rows, times, begin, end) @ raster
    return out


def _cut(ms: np.ndarray, times: np.ndarray) -> np.ndarray:
    return ms[np.searchsorted(ms, times[0]) : np.searchsorted(ms, times[-1], "right")]


class _Kernel:
    """A Gaussian in milliseconds, summed in bins."""

    def __init__(self, sd_ms: int, bin_ms: int) -> None:
        self.bin_ms, self.taps = bin_ms, 6 * sd_ms
        weight = np.exp(-0.5 * ((np.arange(self.taps) - (self.taps - 1) / 2) / sd_ms) ** 2)
        self._below = np.concatenate([[0.0], np.cumsum(weight / weight.sum())])

    def matrix(
        self, rows: np.ndarray, times: np.ndarray, begin: int | None = None, end: int | None = None
    ) -> np.ndarray:
        """What a spike in each millisecond adds to each bin `(row, millisecond)`; of bins only what lies in [begin, end)."""
        edges = np.stack([rows, rows + 1]) * self.bin_ms
        left, right = edges if begin is None or end is None else np.clip(edges, begin, end)
        centre = (self.taps - 1) // 2
        reach = [np.clip(edge[:, None] + centre - times, 0, self.taps) for edge in (left, right)]
        return np.asarray(self._below[reach[1]] - self._below[reach[0]])
