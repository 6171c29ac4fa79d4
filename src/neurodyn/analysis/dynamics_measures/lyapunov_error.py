"""How far the model's largest Lyapunov exponent is from the true system's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.free_run import kept_free_runs
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.dynamics.lyapunov import LyapunovSpectrum
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array

_SURE = 3.0
"""Standard errors that an exponent must be away from zero to have a sign,"""
_NEUTRAL = 2e-3
"""and this much besides, a bin: what a limit cycle's zero is off after 500 bins."""


class LyapunovError(DynamicsMeasure):
    """|λ̂₁ − λ₁| in 1/s, of runs without data."""

    definition = (
        "Absolute difference of the largest Lyapunov exponents of the model and of the true system, in 1/s, over runs from the states at the end of the test "
        "trials, the model under its mean input and the true system undriven."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics and the true system is known."""
        truth = learned.test.truth
        return learned.model.has_dynamics and learned.simulator is not None and {"states", "latents"} <= set(truth)

    def measure(self, learned: LearnedDynamics) -> Measurement:
        runs = kept_free_runs(learned)
        measured = _measured(runs.exponents, runs.true_exponents, runs.bin_s)
        assert runs.true_exponents is not None
        same = not runs.exponents.diverged and _sign(runs.exponents) == _sign(runs.true_exponents)
        claim = "left to itself the model has a largest Lyapunov exponent of the true system's sign"
        return dataclasses.replace(measured, context={**measured.context, CLAIMS: {claim: same}})

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """`still`: dynamics that hold every state, whose exponents are 0."""
        runs = kept_free_runs(learned)
        still = LyapunovSpectrum(np.zeros_like(runs.exponents.by_start), runs.exponents.steps)
        return {"still": _measured(still, runs.true_exponents, runs.bin_s)}

    def ceiling(self, learned: LearnedDynamics) -> float:
        return 0.0


def _sign(spectrum: LyapunovSpectrum) -> int | None:
    """Whether neighbours part (1), meet (−1) or neither, by the largest exponent; None where every run diverged."""
    largest, error = spectrum.exponents[0], spectrum.error[0]
    if not np.isfinite(largest):
        return None
    return int(np.sign(largest)) if abs(largest) > _SURE * np.nan_to_num(error) + _NEUTRAL else 0


def _measured(model: LyapunovSpectrum, truth: LyapunovSpectrum | None, bin_s: float) -> Measurement:
    assert truth is not None
    rows = min(len(model.by_start), len(truth.by_start))
    context = {
        "diverged": model.diverged,
        "exponents": np.round(model.per(bin_s), 4).tolist(),
        "true_exponents": np.round(truth.per(bin_s), 4).tolist(),
        "dimension": model.dimension,
        "true_dimension": truth.dimension,
    }
    if not rows:  # every run diverged
        return Measurement(
            np.ones((max(len(truth.by_start), 1), 1)), lambda sums: np.full(len(sums), np.inf), context, "runs"
        )
    both = np.column_stack([model.by_start[:rows, 0], truth.by_start[:rows, 0], np.ones(rows)])

    def error(sums: Array) -> Array:
        return np.asarray(np.abs(sums[:, 0] - sums[:, 1]) / sums[:, 2] / bin_s)

    return Measurement(both, error, context, "runs from test trials")
