"""What repeats of the same trials say about how much of the activity can be predicted at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float


@dataclass(frozen=True)
class NoiseCeiling:
    """The largest share of the variance of single-trial activity that any prediction can explain, from repeats."""

    share: float
    """Of all units together."""
    per_unit: Float[Array, " unit"]
    """Of each unit; NaN where a unit does not vary."""
    latent_trials: int
    repeats: int


def noise_ceiling(trials: Trials) -> NoiseCeiling:
    """1 - (variance between repeats) / (variance), both without bias: the R² that the true rates would have on single trials.

    The variance between repeats is the mean over trials and bins of the sample variance (n - 1) over a trial's repeats; the whole variance is
    about each unit's mean (Sahani & Linden 2003, NeurIPS 15: signal power over power). With few repeats the share of a silent unit may fall below 0.

    Args:
        trials: with the table's column `latent_trial`: rows of one number are repeats of each other.

    Raises:
        InvalidInput: no such column, or trials that were recorded once.
    """
    if "latent_trial" not in trials.table:
        raise InvalidInput("trials", "a table without latent_trial", "repeats of the same trials", "Give repeats=10.")
    label = trials.table["latent_trial"].to_numpy()
    names, number = np.unique(label, return_counts=True)
    if number.min() < 2:
        fix = "Simulate them with repeats=10."
        raise InvalidInput(
            "trials", f"{int((number < 2).sum())} trials that were recorded once", "at least 2 repeats of each", fix
        )
    counts, mask = np.asarray(trials.counts, float), trials.mask
    between, bins = np.zeros(trials.units), 0
    for name in names:
        rows = np.flatnonzero(label == name)
        known = mask[rows].all(0)
        between += counts[rows][:, known].var(0, ddof=1).sum(0)
        bins += int(known.sum())
    seen = counts[mask]
    whole = np.square(seen - seen.mean(0)).mean(0)
    between /= max(bins, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(whole > 0, 1 - between / whole, np.nan)
    share = float(1 - between.sum() / max(whole.sum(), 1e-300))
    return NoiseCeiling(share, per_unit, len(names), int(number.min()))
