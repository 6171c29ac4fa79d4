"""Which units fire enough to be kept."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Bool, Shaped


def active_units(
    counts: Shaped[Array, "trial time unit"], mask: Bool[Array, "trial time"], bin_s: float, least_hz: float = 1.0
) -> np.ndarray:
    """Units `(unit,)` whose mean rate over all bins of the trials is at least so high, each unit of every area by itself.

    The released loop over areas starts each time from the unfiltered data, so that of two areas only the last is filtered; here both are.
    """
    rates = np.where(mask[..., None], counts, 0).sum((0, 1), dtype=np.float64) / (max(int(mask.sum()), 1) * bin_s)
    return np.asarray(rates >= least_hz)
