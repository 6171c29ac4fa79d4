"""What a two-area circuit chooses, and when."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.shapes import Array, Float

FAST_HZ, APART = 50.0, 0.3
"""Rate of a PFC population, and difference of their gating, at which a decision counts as made."""


def choices(states: Float[Array, "trial time state"], rates: Float[Array, "trial time state"]) -> dict[str, Any]:
    """Columns of the trial table: choice of each area (its population with the higher rate in the last bin; ties are choice 1), first bin with a PFC rate of
    50 Hz, first bin with |S_2 - S_3| above 0.3 (-1 for never), and whether it is above at the end.

    Args:
        states: S of PPC 0, 1 and PFC 2, 3.
        rates: of the same, in Hz.
    """
    fast = rates[..., 2:].max(-1) >= FAST_HZ
    apart = np.abs(states[..., 2] - states[..., 3]) > APART
    return {
        "choice": (rates[:, -1, 3] >= rates[:, -1, 2]).astype(int),
        "ppc_choice": (rates[:, -1, 1] >= rates[:, -1, 0]).astype(int),
        "decision_bin": np.where(fast.any(1), fast.argmax(1), -1),
        "separation_bin": np.where(apart.any(1), apart.argmax(1), -1),
        "decided": apart[:, -1],
    }
