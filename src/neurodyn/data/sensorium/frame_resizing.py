"""Frames in another size: separable linear interpolation, smoothed first where it shrinks, mirrored at the edges."""

from __future__ import annotations

import numpy as np


def resizing_matrix(before: int, after: int) -> np.ndarray:
    """The linear map from `before` pixels of a line to `after`, float32 `(after, before)`; rows are non-negative and sum to 1.

    Smoothing is Gaussian with a standard deviation of (before / after - 1) / 2 pixels, none where the line grows. Both are linear, so the map is what
    SciPy's filters make of single pixels.
    """
    from scipy import ndimage

    pixels = np.eye(before)
    smoothed = ndimage.gaussian_filter(pixels, (max(0.0, (before / after - 1) / 2), 0), mode="mirror")
    found = ndimage.zoom(smoothed, (after / before, 1), order=1, mode="mirror", grid_mode=True)
    return np.asarray(found, np.float32)
