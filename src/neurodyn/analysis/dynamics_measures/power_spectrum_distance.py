"""How far the power spectra of the model's long runs are from the true system's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import DynamicsMeasure
from neurodyn.analysis.free_run import kept_free_runs
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.dynamics.long_runs import LongRuns
from neurodyn.dynamics.power_spectrum import hellinger, power_by_trial, smoothed
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array

SMOOTHING = 2.0
"""S.d. of the smoothing, in cycles a run."""


class PowerSpectrumDistance(DynamicsMeasure):
    """Hellinger distance of smoothed, normalised power spectra, mean over latents: 0 for the same, 1 for none in common."""

    definition = (
        "Hellinger distance between the smoothed, normalised power spectra of the model's runs without data and of the true system's (of the latents inferred on the "
        "test trials where no system is known), mean over latents, in the true latents' coordinates by an affine map fitted on train."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics."""
        return learned.model.has_dynamics

    def measure(self, learned: LearnedDynamics) -> Measurement:
        runs = kept_free_runs(learned)
        return _measured(runs, runs.settled)

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """`white_noise`, `still` and `time_shuffled`: see `LongRuns.beside`."""
        runs = kept_free_runs(learned)
        return {name: _measured(runs, other) for name, other in runs.beside.items()}

    def ceiling(self, learned: LearnedDynamics) -> float:
        return kept_free_runs(learned).distances["true_again"][0]


def _measured(runs: LongRuns, of: Array) -> Measurement:
    scale = runs.truth.std((0, 1))
    rows = [power_by_trial(each, scale).reshape(len(each), -1) for each in (of, runs.truth)]
    shape = (-1, rows[0].shape[1] // len(scale), len(scale))

    def distance(sums: Array) -> Array:
        one, other = (smoothed(half.reshape(shape), SMOOTHING) for half in np.split(sums, 2, axis=1))
        return hellinger(one, other)

    context = {
        "reference": runs.reference,
        "held": runs.held,
        "bins": of.shape[1],
        "diverged": int(runs.diverged.sum()),
        "map_r2": runs.map_r2,
    }
    return Measurement(np.concatenate(rows, 1), distance, context, "runs from test trials")
