"""How many dimensions an activity spreads over."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Float


def participation_ratio(samples: Float[Array, "sample unit"]) -> float:
    """(Σ λ)² / Σ λ² of the eigenvalues λ of the covariance: k for k equal ones, 1 for a single one; 0 where nothing varies.

    Source: Gao et al. 2017, doi:10.1101/214262.

    >>> participation_ratio(np.eye(4)[[0, 0, 1, 1]] * 3)
    1.0
    """
    centred = samples - samples.mean(0)
    # The sums of eigenvalues and of their squares are traces: no decomposition is needed.
    products = centred.T @ centred if centred.shape[1] <= len(centred) else centred @ centred.T
    squares = float(np.square(products).sum())
    return float(np.trace(products)) ** 2 / squares if squares > 0 else 0.0
