"""Trials in which the hand cannot have moved as recorded."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Float

LARGEST_ACCELERATION = 1500.0
"""cm/s²."""
FARTHEST = 10.0
"""cm from the centre of the workspace, along either axis."""


def artefact_times(
    times_s: np.ndarray,
    position: Float[Array, "sample axis"],
    acceleration: Float[Array, "sample axis"] | None,
) -> np.ndarray:
    """Times `(artefact,)` of samples with an acceleration above 1500 cm/s² or a coordinate beyond 10 cm.

    Args:
        times_s: of the samples `(sample,)`, in seconds.
        position: in cm, from the centre of the workspace.
        acceleration: in cm/s², sampled alike; None where it was not recorded.
    """
    bad = (np.abs(position) > FARTHEST).any(1)
    if acceleration is not None:
        bad |= np.square(acceleration).sum(1) > LARGEST_ACCELERATION**2
    return np.asarray(times_s[bad])


def within_trials(times_s: np.ndarray, start_s: np.ndarray, stop_s: np.ndarray) -> np.ndarray:
    """Trials `(trial,)`, from start to stop each, that hold one of the times `(artefact,)`, which increase."""
    return np.asarray(np.searchsorted(times_s, stop_s, "left") > np.searchsorted(times_s, start_s, "left"))
