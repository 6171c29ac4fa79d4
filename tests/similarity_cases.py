"""Activities that any measure of similarity can be asked about: two small populations that were driven alike."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.similarity.activity import Activity, Repeats

CONDITIONS, BINS, TRIALS = 6, 24, 6
_SAMPLE, _COLUMN = np.arange(12)[:, None], np.arange(4)
TOY_X = np.sin(0.7 * (_SAMPLE + 1) * (_COLUMN + 1)) + 0.1 * _COLUMN
"""Two small matrices of samples by units whose measures are known to ten digits."""
TOY_Y = np.cos(0.5 * (_SAMPLE + 2) * (_COLUMN[:3] + 1)) - 0.2 * _COLUMN[:3]


def driven(seed: int, units: int, angle: float, *, rank: int = 4, name: str = "x") -> Activity:
    """Damped rotations of a latent state, driven by two channels, seen by some units; each condition with noisy single trials."""
    shared, own = np.random.default_rng(0), np.random.default_rng(100 + seed)
    inputs = shared.standard_normal((CONDITIONS, BINS, 2))
    turn = np.kron(
        np.diag([0.95, 0.8]), np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    )  # two planes
    turn[:2, 2:] += 0.1
    enters = own.standard_normal((rank, 2))
    state = own.standard_normal((CONDITIONS, rank))
    states = []
    for time in range(BINS):
        states.append(state)
        state = state @ turn.T + inputs[:, time] @ enters.T
    values = np.stack(states, 1) @ own.standard_normal((rank, units)) + own.standard_normal(units)
    condition = np.repeat(np.arange(CONDITIONS), TRIALS)
    noise = own.standard_normal((len(condition), BINS, units)) @ own.standard_normal((units, units))
    trials = values[condition] + noise
    averages = trials.reshape(CONDITIONS, TRIALS, BINS, units).mean(1)
    repeats = Repeats(trials, condition, np.ones(trials.shape[:2], bool))
    return Activity(averages, name=name, bin_s=0.01, inputs=inputs, repeats=repeats)


def mapped(activity: Activity, matrix: np.ndarray, shift: np.ndarray | float = 0.0) -> Activity:
    """The activity, and its single trials, with units mapped by a matrix and shifted."""
    repeats = activity.repeats
    assert repeats is not None
    return dataclasses.replace(
        activity,
        values=activity.values @ matrix + shift,
        repeats=dataclasses.replace(repeats, values=repeats.values @ matrix + shift),
    )


def transformed(activity: Activity, kind: str, seed: int = 3) -> Activity:
    """The activity after one thing that may be forgiven was done to its units."""
    generator, units = np.random.default_rng(seed), activity.units
    if kind == "translation":
        return mapped(activity, np.eye(units), generator.standard_normal(units))
    if kind == "scaling":
        return mapped(activity, 3.0 * np.eye(units))
    if kind == "permutation":
        return mapped(activity, np.eye(units)[:, np.roll(np.arange(units), 1)])
    if kind == "orthogonal":
        return mapped(activity, np.linalg.qr(generator.standard_normal((units, units)))[0])
    return mapped(activity, np.diag(np.linspace(1, 3, units)) + 0.3 * generator.standard_normal((units, units)))


def masked(activity: Activity, mask: np.ndarray, filled: float = np.nan) -> Activity:
    """The activity with some bins masked, in its single trials too, and other values there."""
    repeats = activity.repeats
    assert repeats is not None
    trial_mask = repeats.mask & mask[repeats.condition]
    return dataclasses.replace(
        activity,
        values=np.where(mask[..., None], activity.values, filled),
        mask=mask,
        repeats=dataclasses.replace(
            repeats, values=np.where(trial_mask[..., None], repeats.values, filled), mask=trial_mask
        ),
    )
