"""Subjects whose units read the same latents: what can carry over to a subject never seen, and what cannot."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy.ndimage import convolve1d

from neurodyn.shapes import Array, Float

Tier = Literal["T", "TP", "R", "G"]
LATENTS = 4
BURN_IN = 40
PERIODS, DECAYS = (20.0, 11.0), (0.92, 0.90)
"""Bins a turn of each rotation, and what a turn of one bin leaves."""
SMOOTHING_BINS, TAPS = 2.0, 13
"""S.d. and length of the kernel that smooths the latents' drive."""
GAIN, LEVEL = 1.2, -0.3
"""rate = softplus(GAIN · w·z + b), b about LEVEL."""
UNITS = (48, 96)
"""Fewest and most units of a subject."""
BEHAVIOUR_NOISE = 0.05


class Population(NamedTuple):
    """The units of one subject."""

    weights: Float[Array, "unit latent"]
    bias: Float[Array, " unit"]
    position: Float[Array, " unit"] | None
    """Where each unit lies on the map that its tuning follows, 0 to 1; None where there is no map."""

    def rates(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes unit"]:
        """Expected counts per bin: softplus(1.2 w·z + b)."""
        return np.logaddexp(0, GAIN * latents @ self.weights.T + self.bias)


def latent_trajectories(trials: int, bins: int, draw: np.random.Generator) -> Float[Array, "trial time 4"]:
    """Two damped rotations driven by smooth noise, not scaled: z_t = A z_{t-1} + u_t, after 40 bins of burn-in."""
    total = BURN_IN + bins
    lag = np.arange(TAPS) - TAPS // 2
    kernel = np.exp(-0.5 * np.square(lag / SMOOTHING_BINS))
    white = draw.standard_normal((trials, total + TAPS - 1, LATENTS))
    drive = convolve1d(white, kernel / np.linalg.norm(kernel), axis=1)[:, TAPS // 2 : TAPS // 2 + total]
    turn = np.zeros((LATENTS, LATENTS))
    for place, (period, decay) in enumerate(zip(PERIODS, DECAYS)):
        angle = 2 * np.pi / period
        block = decay * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn[2 * place : 2 * place + 2, 2 * place : 2 * place + 2] = block
    state = np.zeros((trials, LATENTS))
    found = np.empty((trials, total, LATENTS))
    for time in range(total):
        state = state @ turn.T + drive[:, time]
        found[:, time] = state
    return found[:, BURN_IN:]


def population(tier: Tier, draw: np.random.Generator) -> Population:
    """A subject's units.

    Tiers: `T`, tuning follows a unit's place on a map, w = (cos 2πu, sin 2πu, cos 4πu, sin 4πu) + 0.4 n, and units are recorded in the order of u; `TP`, the same
    units in random order; `R`, w ~ N(0, I), which says nothing of the frame of the latents; `G`, the same with 1 added to the first weight of each unit.
    """
    units = int(draw.integers(UNITS[0], UNITS[1] + 1))
    position = None
    if tier in ("T", "TP"):
        position = np.sort(draw.random(units))
        angle = 2 * np.pi * position
        tuning = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], 1)
        weights = tuning + 0.4 * draw.standard_normal((units, LATENTS))
    else:
        weights = draw.standard_normal((units, LATENTS))
        weights[:, 0] += tier == "G"
    weights = weights * np.exp(0.3 * draw.standard_normal((units, 1)))
    bias = LEVEL + 0.5 * draw.standard_normal(units)
    order = draw.permutation(units) if tier == "TP" else np.arange(units)
    return Population(weights[order], bias[order], None if position is None else position[order])
