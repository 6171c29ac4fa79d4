"""Ornstein-Uhlenbeck noise currents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.random_streams import TrialStreams
from neurodyn.shapes import Array, Float

_HELD_SUBSTEPS = 26
"""Euler substeps a bin of the stored study's noise."""


@dataclass(frozen=True)
class NoiseConfig:
    """Options of the noise current."""

    preset: Literal["held10ms", "murray", "none"] = "held10ms"
    """`held10ms`: the stored study's, sampled at the end of each bin and held for the bin, which has more than 5 times the
    low-frequency power. `murray`: the model's own, a new value each integration step. `none`: no noise."""
    sigma_na: float = 0.009
    """σ, in nA. The stationary s.d. is about σ for `held10ms` (Euler inflates it to 0.00946) and σ/√2 for `murray`."""
    tau_s: float = 0.002
    """Time constant, in seconds."""

    def __post_init__(self) -> None:
        check_choices(self, "noise")
        check_range("noise.sigma_na", self.sigma_na, 0)
        check_range("noise.tau_s", self.tau_s, 0, open_low=True)


def noise_currents(
    config: NoiseConfig, streams: TrialStreams, *, bins: int, substeps: int, channels: int, bin_s: float
) -> Float[Array, "trial time substep channel"]:
    """Independent noise of every channel, in nA; the substep axis has length 1 when the noise is held for the bin.

    `held10ms`: x ← x - (δ/τ) x + σ √(2δ/τ) ξ with 26 steps a bin, from x = 0.
    `murray`: the exact update x ← ρ x + (σ/√2) √(1 - ρ²) ξ with ρ = exp(-δ/τ), each substep, from x = 0
    (τ dI = -I dt + √(τ σ²) dW).
    """
    state = np.zeros((streams.trials, channels))
    if config.preset == "none":
        return np.zeros((streams.trials, bins, 1, channels))
    # In milliseconds, so that the benchmark's 10/26/2 comes out to the last bit.
    bin_ms, tau_ms = bin_s * 1e3, config.tau_s * 1e3
    if config.preset == "held10ms":
        rate = bin_ms / _HELD_SUBSTEPS / tau_ms
        scale = config.sigma_na * np.sqrt(2 * rate)
        held = np.empty((streams.trials, bins, 1, channels))
        for step, draw in enumerate(streams.normal_steps(bins * _HELD_SUBSTEPS, channels)):
            state = state - rate * state + scale * draw
            if (step + 1) % _HELD_SUBSTEPS == 0:
                held[:, step // _HELD_SUBSTEPS, 0] = state
        return held
    rho = np.exp(-bin_ms / substeps / tau_ms)
    spread = config.sigma_na * np.sqrt(0.5 * (1 - rho**2))
    noise = np.empty((streams.trials, bins, substeps, channels))
    for step, draw in enumerate(streams.normal_steps(bins * substeps, channels)):
        state = rho * state + spread * draw
        noise[:, step // substeps, step % substeps] = state
    return noise
