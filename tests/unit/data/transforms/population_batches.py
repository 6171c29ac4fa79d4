"""Batches that transforms must cope with: trials of different length, unknown entries, held-out units, forward bins."""

import numpy as np

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials

BINS, FORWARD, UNITS, HELDIN = 20, 5, 8, 6


def population(
    trials: int = 40, rate: float = 1.5, ragged: bool = False, unknown: bool = False, seed: int = 0
) -> Trials:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate, (trials, BINS, UNITS)).astype(float)
    mask = np.ones((trials, BINS), bool)
    if ragged:
        mask[::2, 12:] = False
        mask[1, :3] = False
    if unknown:
        counts[rng.random(counts.shape) < 0.3] = np.nan
    heldin = np.r_[0:5, 7]
    return Trials.from_arrays(counts, bin_s=0.02, mask=mask, heldin=heldin, forward=FORWARD, nan="unknown")


CASES = {
    "plain": population(),
    "ragged": population(ragged=True),
    "unknown": population(ragged=True, unknown=True),
}


def batch(case: str) -> Batch:
    return Batch.of(CASES[case])
