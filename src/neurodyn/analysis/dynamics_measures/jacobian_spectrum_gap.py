"""Whether deviations grow and fade in the model's own dynamics as they do in the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.local_jacobians import model_growth, true_growth, true_inputs
from neurodyn.analysis.residual_comparison import kept_activity, kept_spectra
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array

_MOST = 100
"""Test trials whose paths are looked at, at most."""


class JacobianSpectrumGap(DynamicsMeasure):
    """Mean over time of | |λ|_model − |λ|_true |, the largest eigenvalues of the Jacobians over windows of 50 ms along test trials."""

    definition = (
        "Mean over test trials and time of the absolute difference between the largest |λ| of the model generator's Jacobian over 50 ms, with its inputs held, and of the true "
        "Jacobian of the recorded latents, each along its own path of the trial."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics, the true system is known, and trials have four windows or more."""
        known = learned.simulator is not None and {"states", "latents"} <= set(learned.test.truth)
        long = learned.train.observed_bins * learned.train.bin_s >= 0.2
        return learned.model.has_dynamics and known and long and learned.train.neural_name is not None

    def measure(self, learned: LearnedDynamics) -> Measurement:
        spectra = kept_spectra(learned)
        along = spectra.gap("model", "truth")
        twins = {name: spectra.gap("model", name).verdict for name in spectra.twins}
        context = {
            "along_average_paths": along.value,
            "verdict_along_average_paths": along.verdict,
            "tolerance": along.tolerance,
            "twins": twins,
            "words": spectra.sentences(),
            CLAIMS: {name: holds for name, holds in spectra.claims.items() if "own" in name},
        }
        return _gap(*self._growths(learned), context)

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """`identity`: |λ| = 1. `residual_dynamics` and `plain_regression`: the data's own estimates, taken for the dynamics."""
        true = self._growths(learned)[1]
        of_data = kept_spectra(learned)
        return {
            "identity": _gap(np.ones_like(true), true),
            "residual_dynamics": _gap(np.broadcast_to(of_data.leading["data"], true.shape), true),
            "plain_regression": _gap(np.broadcast_to(of_data.plain, true.shape), true),
        }

    def ceiling(self, learned: LearnedDynamics) -> float:
        return 0.0

    def _growths(self, learned: LearnedDynamics) -> tuple[Array, Array]:
        """Largest |λ| `(trial, step)` of the model and of the truth."""

        def made() -> tuple[Array, Array]:
            simulator = learned.simulator
            assert simulator is not None
            rows, steps = slice(0, _MOST), kept_activity(learned).steps
            seen, inputs = learned.seen_test, true_inputs(simulator, learned.test)
            model = model_growth(learned, seen.states[rows], seen.drives[rows], steps, 1)[..., 0]
            states = learned.test.truth["states"][rows].astype(float)
            return model, true_growth(simulator, states, None if inputs is None else inputs[rows], steps)[..., 0]

        found: tuple[Array, Array] = learned.kept("growth along test trials", made)
        return found


def _gap(model: Array, true: Array, context: Mapping[str, object] | None = None) -> Measurement:
    rows = np.column_stack([np.abs(model - true).mean(1), np.ones(len(true))])
    return Measurement(rows, lambda sums: np.asarray(sums[:, 0] / sums[:, 1]), dict(context or {}))
