"""Correlations of all trials of one subject with all trials of another, where trials may differ in length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.shapes import Array, Bool, Float

Centring = Literal["raw", "feature", "time"]
"""What is subtracted from a subject's latents: nothing (`raw`), each latent's mean over trials and time (`feature`), or each latent's mean over trials in every bin (`time`)."""
ROUNDING = 1e-9
"""Deviations below this share of a subject's largest value are rounding: a trial with no larger ones does not vary."""


@dataclass(frozen=True, eq=False)
class TrialSeries:
    """One subject's latents as they are correlated."""

    values: Float[Array, "trial time latent"]
    """Float64, 0 outside the mask."""
    mask: Bool[Array, "trial time"]
    floor: float
    """Variance at or below which a trial counts as constant."""

    @staticmethod
    def of(
        latents: Float[Array, "trial time latent"], mask: Bool[Array, "trial time"], centring: Centring
    ) -> TrialSeries:
        """Centred over the trials given; a bin's mean is that of the trials that have it."""
        values = np.where(mask[..., None], latents, 0).astype(np.float64)
        floor = float((ROUNDING * np.abs(values).max(initial=0)) ** 2)
        if centring == "time":
            mean = values.sum(0) / np.maximum(mask.sum(0), 1)[:, None]
        elif centring == "feature":
            mean = values.sum((0, 1)) / max(int(mask.sum()), 1)
        else:  # one number for all changes no correlation, and spares digits
            mean = values.sum() / max(int(mask.sum()) * latents.shape[2], 1)
        values -= mean
        values *= mask[..., None]
        return TrialSeries(values, mask, floor)


def trial_correlations(x: TrialSeries, y: TrialSeries) -> Float[Array, "trial other_trial"]:
    """Pearson r of every trial of x with every trial of y, flattened over the bins that both have and all latents.

    From a handful of matrix products: memory is that of the series and of a few matrices of the result's size. 0 where one of the trials does not vary over
    the bins they share (or there are no latents); NaN where they share no bin.
    """
    bins, latents = min(x.values.shape[1], y.values.shape[1]), x.values.shape[2]
    a, b = x.values[:, :bins], y.values[:, :bins]
    m, w = x.mask[:, :bins].astype(np.float64), y.mask[:, :bins].astype(np.float64)
    n = latents * (m @ w.T)
    some = np.maximum(n, 1)
    mean_a, mean_b = a.sum(2) @ w.T / some, m @ b.sum(2).T / some
    var_a = np.einsum("itl,itl->it", a, a) @ w.T / some - np.square(mean_a)
    var_b = m @ np.einsum("itl,itl->it", b, b).T / some - np.square(mean_b)
    both = a.reshape(len(a), -1) @ b.reshape(len(b), -1).T / some - mean_a * mean_b
    varies = (var_a > x.floor) & (var_b > y.floor)
    r = np.clip(both / np.sqrt(np.where(varies, var_a * var_b, 1)), -1, 1)
    shared = (m @ w.T) > 0
    return np.asarray(np.where(shared, np.where(varies, r, 0.0), np.nan))
