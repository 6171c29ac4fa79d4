"""Spike counts as smooth activity, the way classical alignment wants it."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Shaped

KERNEL_SD_S = 0.05
"""Standard deviation of the Gaussian, in seconds."""


def gaussian_kernel(bin_s: float, sd_s: float = KERNEL_SD_S) -> np.ndarray:
    """A Gaussian `(tap,)` of ⌊10 sd / bin⌋ taps and sum 1; 16 taps for 50 ms in bins of 30 ms.

    Raises:
        InvalidInput: bins too wide for a single tap.
    """
    taps = int(10 * sd_s / bin_s)
    if taps < 1:
        raise InvalidInput("bin_s", bin_s, f"at most {10 * sd_s:g} s for a kernel of {sd_s:g} s")
    place = (np.arange(taps) - (taps - 1) / 2) * bin_s / sd_s
    kernel = np.exp(-(place**2) / 2)
    return np.asarray(kernel / kernel.sum())


def smooth_rates(
    counts: Shaped[Array, "trial time unit"],
    mask: Bool[Array, "trial time"],
    bin_s: float,
    sd_s: float = KERNEL_SD_S,
) -> Float[Array, "trial time unit"]:
    """Square root of the counts, smoothed within each trial, divided by the bin width; 0 outside the mask.

    A trial is reflected at its ends. Its bins with data are taken one after another, as if none were missing between them. With an even number of taps
    the kernel looks half a bin ahead, as published.

    Args:
        counts: per bin.
        mask: bins with data.
        bin_s: bin width in seconds.
        sd_s: standard deviation of the Gaussian in seconds.
    """
    from scipy.ndimage import convolve1d

    kernel = gaussian_kernel(bin_s, sd_s)
    rates = np.zeros(counts.shape)
    length = mask.sum(1)
    for bins in np.unique(length[length > 0]):
        rows = np.flatnonzero(length == bins)
        where = np.nonzero(mask[rows])
        own = np.sqrt(counts[rows[where[0]], where[1]], dtype=np.float64).reshape(len(rows), bins, -1)
        rates[rows[where[0]], where[1]] = convolve1d(own, kernel, axis=1, mode="reflect").reshape(len(where[0]), -1)
    return rates / bin_s
