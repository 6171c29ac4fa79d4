"""Reaches by formula: a hand that moves with the least jerk, and the angles of a two-joint arm that follow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.shapes import Array, Float

DURATION_S = 0.4
REACH_M = 0.08
UPPER_ARM_M, FOREARM_M = 0.15, 0.2
START_M = (0.0, 0.2)
"""The hand before the movement, from the shoulder: straight ahead, the elbow bent."""


def minimum_jerk_reaches(time_s: Array, direction_deg: Array) -> Mapping[str, Float[Array, "condition time axis"]]:
    """`position`, `velocity` (x, y) and `angles` (shoulder, elbow) relative to before the movement, each axis divided by its largest absolute value.

    The hand goes straight from the centre at time zero, `10 s³ - 15 s⁴ + 6 s⁵` of the way after a part s of the movement's duration (Flash & Hogan 1985,
    10.1523/JNEUROSCI.05-07-01688.1985). The angles are those of a planar arm of two links that holds the hand there.
    """
    s = np.clip(time_s / DURATION_S, 0, 1)
    way = np.stack([np.cos(np.deg2rad(direction_deg)), np.sin(np.deg2rad(direction_deg))], 1)[:, None]
    position = REACH_M * way * (10 * s**3 - 15 * s**4 + 6 * s**5)[:, None]
    velocity = REACH_M / DURATION_S * way * (30 * s**2 * (1 - s) ** 2)[:, None]
    angles = _angles(position + START_M)
    found = {"position": position, "velocity": velocity, "angles": angles - _angles(np.array(START_M))}
    return {name: values / np.abs(values).max((0, 1)) for name, values in found.items()}


def _angles(hand: Float[Array, "*shape axis"]) -> Float[Array, "*shape axis"]:
    """Shoulder angle from rightwards and elbow flexion, in radians (law of cosines)."""
    distance2 = np.square(hand).sum(-1)
    bend = (distance2 - UPPER_ARM_M**2 - FOREARM_M**2) / (2 * UPPER_ARM_M * FOREARM_M)
    elbow = np.arccos(bend)
    shoulder = np.arctan2(hand[..., 1], hand[..., 0]) - np.arctan2(
        FOREARM_M * np.sin(elbow), UPPER_ARM_M + FOREARM_M * bend
    )
    return np.stack([shoulder, elbow], -1)
