"""Where a session's maps start: only what was recorded counts, and fluorescence may lie below zero."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from neurodyn.data.trials import Trials
from neurodyn.models.parts.session_maps import mean_parameters, standardise_by
from neurodyn.models.parts.standardise import Standardise
from neurodyn.observations.gaussian import Gaussian
from neurodyn.observations.poisson import Poisson


def test_entries_that_were_not_recorded_are_no_zeros() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (30, 8, 3))
    known = rng.random(counts.shape) < 0.6
    known[..., 2] = True
    trials = Trials.from_arrays(np.where(known, counts, 0), bin_s=0.02)
    trials = dataclasses.replace(trials, signals={"counts": dataclasses.replace(trials.neural, mask=known)})
    scales = Standardise(3)
    standardise_by(scales, trials)
    for unit in range(3):
        values = np.log1p(counts[..., unit][known[..., unit]])
        np.testing.assert_allclose(scales.shift[unit], values.mean(), rtol=1e-5)
        np.testing.assert_allclose(scales.scale[unit], 1 / values.std(ddof=1), rtol=1e-5)


def test_a_unit_that_was_never_recorded_says_nothing() -> None:
    scales = Standardise(2, logarithm=False)
    scales.fit(torch.tensor([[1.0, torch.nan], [3.0, torch.nan]]))
    assert scales.shift.tolist() == [2.0, 0.0] and scales.scale[1] == 0


def test_readouts_start_at_the_mean_of_what_was_recorded() -> None:
    fluorescence = np.random.default_rng(0).normal(-1.5, 0.1, (20, 6, 2)).astype(np.float32)
    trials = Trials.from_arrays(fluorescence=fluorescence, bin_s=0.1)
    parameters = mean_parameters(Gaussian(2), trials)
    np.testing.assert_allclose(parameters[:, 0], fluorescence.mean((0, 1)), rtol=1e-5)
    silent = Trials.from_arrays(np.zeros((20, 6, 2), int), bin_s=0.02)
    assert torch.isfinite(mean_parameters(Poisson(2), silent)).all()
