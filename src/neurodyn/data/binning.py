"""From times in seconds to bins: exact half-open bins by whole nanoseconds, and continuous signals brought to the same bins.

Times are rounded once to whole nanoseconds; from there on every comparison is between integers, so a spike falls in one
bin only, and a bin edge reached by adding up bin widths is the same edge everywhere in a recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from neurodyn.errors import InvalidInput

NS = 1_000_000_000
"""Ticks in a second."""


def ticks(seconds: Any) -> np.ndarray:
    """Times in seconds as whole nanoseconds (int64), rounded to the nearest."""
    return np.asarray(np.rint(np.asarray(seconds, np.float64) * NS), np.int64)


def bin_edges(bins: int, bin_s: float) -> np.ndarray:
    """Edges of `bins` bins from 0, in nanoseconds `(bins + 1,)`.

    Each edge is `k * bin_s` rounded on its own, so that a width that is no whole number of nanoseconds (1/30 s) does not drift.
    """
    return ticks(np.arange(bins + 1) * float(bin_s))


def whole_bins(length_s: float, bin_s: float, field: str) -> int:
    """How many bins make up a length in seconds.

    Raises:
        InvalidInput: the length is not a whole number of bins (within a millionth of a bin), or none.
    """
    if not (np.isfinite(bin_s) and bin_s > 0):
        raise InvalidInput("bin_s", bin_s, "a bin width in seconds above 0")
    bins = round(length_s / bin_s)
    if bins < 1 or abs(length_s / bin_s - bins) > 1e-6:
        raise InvalidInput(
            field,
            f"{length_s:g} s",
            f"a whole number of bins of {bin_s:g} s, at least one",
            f"The nearest is {max(1, bins) * bin_s:g} s.",
        )
    return bins


def bin_spikes(spikes: Sequence[np.ndarray], starts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Spike counts in windows, `(window, bins, unit)`; bin k of a window holds start + edges[k] <= spike < start + edges[k + 1].

    Work goes with the number of spikes inside the windows; a spike in two overlapping windows counts once in each.

    Args:
        spikes: increasing spike times of each unit, ns.
        starts: start of each window, ns.
        edges: bin edges relative to the start, ns, increasing from 0.
    """
    bins, units = len(edges) - 1, len(spikes)
    most = max((len(times) for times in spikes), default=0)
    counts = np.zeros((len(starts), bins, units), np.uint16 if most < 65536 else np.uint32)
    flat = counts.reshape(-1)
    for unit, times in enumerate(spikes):
        low = np.searchsorted(times, starts, "left")
        high = np.searchsorted(times, starts + edges[-1], "left")
        inside = high - low
        window = np.repeat(np.arange(len(starts)), inside)
        first = np.cumsum(inside) - inside  # where each window's spikes begin in the list of all
        chosen = np.arange(len(window)) - np.repeat(first - low, inside)
        place = np.searchsorted(edges, times[chosen] - starts[window], "right") - 1
        np.add.at(flat, (window * bins + place) * units + unit, 1)
    return counts


def resample(
    times: np.ndarray,
    values: Any,
    starts: np.ndarray,
    edges: np.ndarray,
    how: Literal["auto", "average", "interpolate"] = "auto",
) -> np.ndarray:
    """A sampled signal in the bins of windows, float32 `(window, bins, ...)`.

    `average`: the mean of the finite samples whose time falls in the half-open bin; NaN in a bin without any.
    `interpolate`: linear between the two samples around the bin's centre; NaN before the first and after the last sample, and
    where those two are more than two usual sample intervals apart. `auto` averages unless samples are further apart than bins.
    No filter is applied, so a sample never reaches a bin of another time.

    Args:
        times: increasing sample times, ns `(sample,)`.
        values: `(sample, ...)`, an array or a lazy one; only the samples needed are read.
        starts: start of each window, ns.
        edges: bin edges relative to the start, ns.
    """
    bins = len(edges) - 1
    out = np.full((len(starts), bins, *values.shape[1:]), np.nan, np.float32)
    if len(times) < 2:
        interval = 0.0
    else:
        interval = float(np.median(np.diff(times)))
    if how == "auto":
        how = "interpolate" if interval > edges[-1] / bins * (1 + 1e-6) else "average"
    for row, start in enumerate(starts):
        if how == "average":
            low, high = np.searchsorted(times, [start + edges[0], start + edges[-1]], "left")
            if high > low:
                out[row] = _averages(times[low:high], np.asarray(values[low:high], np.float64), start + edges)
        else:
            centres = start + (edges[:-1] + edges[1:]) // 2
            low = max(0, int(np.searchsorted(times, centres[0], "left")) - 1)
            high = min(len(times), int(np.searchsorted(times, centres[-1], "right")) + 1)
            if high > low:
                out[row] = _between(
                    times[low:high], np.asarray(values[low:high], np.float64), centres, 2 * interval * (1 + 1e-6)
                )
    return out


def _averages(times: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    cuts = np.searchsorted(times, edges, "left")
    filled = np.flatnonzero(cuts[1:] > cuts[:-1])  # every sample lies in a bin, so filled bins follow one another
    finite = np.isfinite(values)
    total = np.add.reduceat(np.where(finite, values, 0.0), cuts[filled], axis=0)
    number = np.add.reduceat(finite.astype(np.int64), cuts[filled], axis=0)
    means = np.full((len(edges) - 1, *values.shape[1:]), np.nan)
    means[filled] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return means


def _between(times: np.ndarray, values: np.ndarray, centres: np.ndarray, longest: float) -> np.ndarray:
    right = np.searchsorted(times, centres, "left")
    inside = (right < len(times)) & (centres >= times[0])
    right = np.minimum(right, len(times) - 1)
    left = np.where(times[right] == centres, right, np.maximum(right - 1, 0))
    apart = times[right] - times[left]
    inside &= apart <= longest
    weight = np.where(apart > 0, (centres - times[left]) / np.maximum(apart, 1), 0.0)
    weight = weight.reshape(-1, *([1] * (values.ndim - 1)))
    mixed = values[left] * (1 - weight) + values[right] * weight
    mixed = np.where((left == right).reshape(weight.shape), values[right], mixed)
    return np.where(inside.reshape(weight.shape), mixed, np.nan)
