"""Behaviour in bins: missing samples interpolated, decimated by a zero-phase filter, found only where windows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput

RATE_HZ = 1000.0
TAPS = 501
"""Length of the decimation filter."""
_TOLERANCE_MS = 5e-4
"""Timestamps are written in microseconds."""
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Series:
    """A behaviour series of a file, its samples on disk until they are needed."""

    name: str
    """Its name in the file."""
    values: Any
    """`(sample, channel)`, an array or a lazy one."""
    timestamps: Any = None
    """Time of each sample in seconds; or a rate."""
    rate_hz: float | None = None
    """Samples a second, for samples at a fixed rate."""
    start_s: float = 0.0
    """Time of the first sample where a rate is given."""
    file: str = ""
    """The file, for messages."""

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Millisecond of each sample on the file's clock `(sample,)`, and the samples, float64 `(sample, channel)`.

        Raises:
            InvalidInput: another rate than 1 kHz; timestamps that are off the milliseconds, go back or come twice; another number of timestamps
                than samples.
        """
        field = f"{self.file}: {self.name}"
        values = np.asarray(self.values[()], np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if self.timestamps is None:
            if self.rate_hz is None or abs(self.rate_hz - RATE_HZ) > 1e-9 * RATE_HZ:
                raise InvalidInput(field, f"{self.rate_hz:g} samples a second", "1000", _RESAMPLE)
            exact = np.asarray(self.start_s * 1000.0)
            ms = np.rint(exact).astype(np.int64) + np.arange(len(values))
        else:
            exact = np.asarray(self.timestamps[()], np.float64) * 1000.0
            ms = self._whole(field, exact, len(values))
        off = np.flatnonzero(np.abs(exact - np.rint(exact)).ravel() > _TOLERANCE_MS)
        if len(off):
            where = exact.ravel()[off[0]] / 1000
            raise InvalidInput(field, f"a sample at {where:.7g} s, off the milliseconds", "samples on them", _RESAMPLE)
        return ms, values

    def _whole(self, field: str, exact: np.ndarray, samples: int) -> np.ndarray:
        """Timestamps in ms as whole ones, checked but for being off them."""
        if len(exact) != samples:
            raise InvalidInput(field, f"{len(exact)} timestamps for {samples} samples", "one a sample")
        if not np.isfinite(exact).all():
            raise InvalidInput(field, "timestamps that are not finite", "times in seconds")
        steps = np.diff(exact)
        usual = float(np.median(steps)) if len(steps) else 1.0
        if abs(usual - 1.0) > 2 * _TOLERANCE_MS:
            rate = f"{1000 / usual:g} samples a second" if usual > 0 else "timestamps that do not increase"
            raise InvalidInput(field, rate, "1000", _RESAMPLE)
        ms: np.ndarray = np.rint(exact).astype(np.int64)
        back = np.flatnonzero(np.diff(ms) < 1)
        if len(back):
            what = f"a time that goes back or comes twice at sample {back[0] + 1} ({exact[back[0] + 1] / 1000:g} s)"
            raise InvalidInput(field, what, "increasing times", "Sort the samples and remove repeated ones.")
        return ms


_RESAMPLE = "Resample the series to 1 kHz from 0 s on and write it again: the benchmark's bins are whole milliseconds."


def decimated(
    ms: np.ndarray, values: np.ndarray, first: np.ndarray, bins: int, bin_ms: int, length_ms: int
) -> np.ndarray:
    """Behaviour of windows, float32 `(window, bins, channel)`; NaN where the sample at a bin's left edge is missing.

    The value of a bin is that of the whole session at its left edge after missing samples are interpolated (the first and the last sample hold
    before and after) and a 501-tap Hamming low-pass filter with cutoff 1 / `bin_ms` of Nyquist, centred, zero outside of the session.

    Args:
        ms: millisecond of each sample, increasing.
        values: `(sample, channel)`.
        first: row of each window's first bin.
        bins: bins of a window.
        bin_ms: bin width.
        length_ms: length of the session.
    """
    from scipy.signal import firwin, upfirdn

    out = np.full((len(first), bins, values.shape[1]), np.nan, np.float32)
    half = TAPS // 2
    before = half + (-2 * half) % bin_ms  # so that the filter's outputs that are kept fall on bin edges
    taps = np.asarray(firwin(TAPS, 1.0 / bin_ms, window="hamming")) if bin_ms > 1 else np.ones(1)
    if bin_ms == 1:
        before = half = 0
    reach = before + (bins - 1) * bin_ms + half + 1
    for channel in range(values.shape[1]):
        finite = np.isfinite(values[:, channel])
        known, samples = ms[finite], values[finite, channel]
        if not len(known):
            continue
        for low in range(0, len(first), _CHUNK):
            edges = first[low : low + _CHUNK, None] * bin_ms
            at = edges - before + np.arange(reach)
            near = slice(
                max(0, int(np.searchsorted(known, at.min(), "right")) - 1),
                int(np.searchsorted(known, at.max(), "left")) + 1,
            )
            whole = np.interp(at, known[near], samples[near])
            whole[(at < 0) | (at >= length_ms)] = 0.0
            filtered = upfirdn(taps, whole, 1, bin_ms, axis=1)[:, (before + half) // bin_ms :][:, :bins]
            edges = edges + np.arange(bins) * bin_ms
            place = np.minimum(np.searchsorted(known, edges), len(known) - 1)
            there = (known[place] == edges) & (edges < length_ms)
            out[low : low + _CHUNK, :, channel] = np.where(there, filtered, np.nan)
    return out
