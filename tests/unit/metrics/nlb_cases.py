"""Small random cases of the benchmark's measures, drawn from a seed: zero and missing entries, groups of decoders, jitter, gaps, outliers."""

from __future__ import annotations

import numpy as np


def bits_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates and counts, both float `(trial, time, unit)`; odd seeds have rates of 0, seeds 2 and 3 unknown (NaN) counts, seed 1 a silent unit."""
    generator = np.random.default_rng(seed)
    rates = generator.gamma(2, 0.2, (12, 9, 4))
    counts = generator.poisson(rates).astype(float)
    if seed % 2:
        rates[generator.random(rates.shape) < 0.05] = 0
    if seed == 1:
        counts[..., 2] = 0
    if seed >= 2:
        counts[:5, 6:] = np.nan
    return rates, counts


def velocity_case(seed: int) -> tuple[np.ndarray, ...]:
    """Train rates, velocity and groups, then test ones; odd seeds have bins without velocity, seeds 2 and 3 two decoders."""
    generator = np.random.default_rng(seed)
    weights = 3 * generator.normal(size=(6, 2))

    def part(trials: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rates = generator.gamma(2, 0.2, (trials, 11, 6))
        velocity = rates @ weights + 0.4 * 8**seed * generator.normal(size=(trials, 11, 2)) / 8 + 5
        if seed % 2:
            velocity[generator.random((trials, 11)) < 0.1] = np.nan
        return rates, velocity, np.arange(trials) % 2 * (seed >= 2)

    return *part(17), *part(10)


def psth_case(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], np.ndarray]:
    """PSTHs, rates, rows of each condition and jitter; condition 0 has no trial, odd seeds have jitter and unknown edges, seeds 2 and 3 a constant unit."""
    generator = np.random.default_rng(seed)
    psth, rates = generator.gamma(2, 0.2, (5, 14, 6)), generator.gamma(2, 0.2, (20, 14, 6))
    condition, jitter = generator.integers(1, 5, 20), np.zeros(20, int)
    if seed % 2:
        jitter = generator.integers(-2, 3, 20)
        psth[:, :2] = psth[:, -2:] = np.nan
        psth[3, :7] = np.nan
    if seed >= 2:
        psth[..., 1] = np.where(np.isnan(psth[..., 1]), np.nan, 0.25)
    return psth, rates, [np.flatnonzero(condition == k) for k in range(5)], jitter


def speed_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rates, inside bins, intervals and conditions 0 ... 7; odd seeds have gaps inside, every ninth trial is an outlier without interval."""
    generator = np.random.default_rng(seed)
    rates = generator.gamma(2, 0.2, (70, 15, 5))
    first, last = generator.integers(0, 6, 70), generator.integers(9, 16, 70)
    time = np.arange(15)
    inside = (time >= first[:, None]) & (time < last[:, None])
    if seed % 2:
        inside &= (generator.random(inside.shape) < 0.8) | (time == 7) | (time == 8)
    interval = 0.8 + 0.1 * generator.normal(size=70)
    interval[::9] = np.nan
    return rates, inside, interval, np.arange(70) % 8
