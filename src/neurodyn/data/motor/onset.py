"""When the hand starts to move."""

from __future__ import annotations

import numpy as np

from neurodyn.shapes import Array, Float

STEP_S = 0.01
"""Bin width of the speed that onsets are found in."""
LEAST_ACCELERATION = 190.0
"""cm/s²: a peak of the speed's increase counts as a movement's above this (1.9 cm/s in 10 ms)."""
LEAST_SPEED = 10.0
"""cm/s: where there is no such peak, movement starts at the first bin above this."""


def movement_onsets(speed: Float[Array, "trial time"], first_bin: np.ndarray, step_s: float = STEP_S) -> np.ndarray:
    """Bin `(trial,)` in which each trial's movement starts, −1 where none does.

    At or after `first_bin` the first peak of the speed's increase that is steep enough is sought; the onset is the last bin before it in which the increase was
    below half of that peak. Without a peak it is the first bin in which the speed is high enough.

    Args:
        speed: of the hand in cm/s, NaN where there is none.
        first_bin: `(trial,)`, where each trial is searched from, the bin of its go cue.
        step_s: bin width in seconds.
    """
    from scipy.signal import find_peaks

    onsets = np.full(len(speed), -1)
    for trial, (values, start) in enumerate(zip(speed, first_bin)):
        found = values[start:]
        found = found[: int(np.isfinite(found).cumprod().sum())]
        if len(found) < 3:
            continue
        increase = np.diff(found, prepend=found[:1]) / step_s
        peaks = find_peaks(increase, height=np.nextafter(LEAST_ACCELERATION, np.inf))[0]
        slow = np.flatnonzero(increase[: peaks[0]] < increase[peaks[0]] / 2) if len(peaks) else np.empty(0, int)
        fast = np.flatnonzero(found > LEAST_SPEED)
        if len(slow):
            onsets[trial] = start + slow[-1]
        elif len(fast):
            onsets[trial] = start + fast[0]
    return onsets
