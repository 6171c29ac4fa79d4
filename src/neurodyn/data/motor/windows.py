"""Windows around movement onset, in bins that are counted from the start of each trial."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurodyn.shapes import Array, Bool, Shaped

Window = Literal["execution", "preparation"]
WINDOWS_S: dict[str, tuple[float, float]] = {"execution": (-0.05, 0.40), "preparation": (-0.40, 0.05)}
"""From and to around movement onset, in seconds."""
REACH_WINDOW_S = (0.0, 0.35)
"""The same, of one reach among several."""


def window_bins(window_s: tuple[float, float], bin_s: float) -> np.ndarray:
    """Bins `(bin,)` of a window relative to the bin of the onset: both ends truncated toward zero and included, as published.

    >>> window_bins((-0.05, 0.40), 0.03).tolist() == list(range(-1, 14))
    True
    """
    first, last = (int(round(edge / bin_s, 6)) for edge in window_s)  # 0.35 / 0.05 is below 7
    return np.arange(first, last + 1)


def cut_windows(
    values: Shaped[Array, "trial time *shape"],
    mask: Bool[Array, "trial time"],
    onset_bin: np.ndarray,
    bins: np.ndarray,
) -> tuple[Shaped[Array, "kept bin *shape"], np.ndarray]:
    """The window of each trial that has all of its bins, and which trials these are.

    Args:
        values: over whole trials.
        mask: bins of each trial with data.
        onset_bin: bin of each trial's onset `(trial,)`.
        bins: of the window, relative to it `(bin,)`.
    """
    index = onset_bin[:, None] + bins
    within = (index >= 0) & (index < mask.shape[1])
    rows = np.arange(len(mask))[:, None]
    kept = np.flatnonzero((within & mask[rows, np.where(within, index, 0)]).all(1))
    return values[kept[:, None], index[kept]], kept
