"""Where the decoding of a subject's units starts, by its activity alone."""

from __future__ import annotations

import torch
from torch import Tensor

from neurodyn.data.trials import Trials
from neurodyn.models.parts.activity_sample import activity_sample
from neurodyn.models.parts.standardise import Standardise
from neurodyn.observations.base import Observation


@torch.no_grad()
def fit_units(standardise: Standardise, observation: Observation, trials: Trials) -> tuple[Tensor, Tensor]:
    """Standardises what is seen of a subject's units, and says what is read out of them where nothing else is known.

    Args:
        standardise: of the held-in units; fitted in place.
        observation: the population's likelihood.
        trials: of the subject.

    Returns:
        Parameters of every unit's mean (and spread), and how far a step of 1 moves each, both `(unit, parameter)` with held-in units first. For spikes a step is a nat of
        the log rate, else a standard deviation of the unit's activity.
    """
    values, known = activity_sample(trials)
    units, seen = torch.from_numpy(values), torch.from_numpy(known)
    standardise.fit(units.masked_fill(~seen, torch.nan)[:, :, torch.from_numpy(trials.heldin)].flatten(0, 1))
    order = torch.from_numpy(trials.unit_order)
    count = seen.sum((0, 1)).clamp_min(1)
    mean = (units.sum((0, 1), dtype=torch.float64) / count)[order]
    spikes = trials.neural.kind == "spikes"
    if spikes:  # a silent unit has a log rate too; fluorescence may lie below zero
        mean = mean.clamp_min(1e-4)
    spread = (units.square().sum((0, 1), dtype=torch.float64) / count)[order] - mean.square()
    levels: Tensor = observation.from_moments(mean, spread)
    if spikes:
        return levels, torch.ones_like(levels)
    _, moved = torch.func.jvp(observation.from_mean, (mean,), (spread.clamp_min(1e-6).sqrt(),))[:2]
    return levels, torch.where(moved == 0, 1.0, moved)  # of what the mean does not move, such as a log variance
