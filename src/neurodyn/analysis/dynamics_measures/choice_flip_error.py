"""How far the model is off in how often a pulse changes what is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from neurodyn.analysis.dynamics_measures.base import DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.perturbation import has_pulses, kept_responses
from neurodyn.dynamics.pulse_responses import PulseResponses
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array


class ChoiceFlipError(DynamicsMeasure):
    """|P̂(flip) − P(flip)| of each pulse, averaged over pulses: whether the choice at the end is another than without the pulse."""

    definition = (
        "Mean over pulses of |predicted - true share of test trials whose choice a pulse changes|; the predicted choice is read from the mapped latents "
        "of the last bin by a linear rule fitted to the true ones on train."
    )
    direction: ClassVar[Literal["lower"]] = "lower"

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether pulses can be asked about and something is chosen."""
        table = learned.test.table
        return has_pulses(learned) and "choice" in table and learned.train.table["choice"].nunique() == 2

    def measure(self, learned: LearnedDynamics) -> Measurement:
        found = kept_responses(learned)
        assert found.predicted_flips is not None and found.true_flips is not None
        measured = _measured(found, found.predicted_flips)
        agree = (found.predicted_flips == found.true_flips).mean(1)
        context = {
            "flips": dict(zip(found.labels, found.true_flips.mean(1).tolist())),
            "predicted_flips": dict(zip(found.labels, found.predicted_flips.mean(1).tolist())),
            "trials_told_right": dict(zip(found.labels, agree.tolist())),
        }
        return Measurement(measured.sums, measured.statistic, context)

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        found = kept_responses(learned)
        assert found.true_flips is not None
        none = {"no_response": np.zeros(found.true_flips.shape, bool)}
        return {name: _measured(found, each) for name, each in {**none, **found.simpler_flips}.items()}

    def ceiling(self, learned: LearnedDynamics) -> float | None:
        return 0.0


def _measured(found: PulseResponses, predicted: Array) -> Measurement:
    assert found.true_flips is not None
    gap = (predicted.astype(float) - found.true_flips).T
    return Measurement(np.column_stack([gap, np.ones(len(gap))]), _mean_gap)


def _mean_gap(sums: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(sums[:, :-1] / sums[:, -1:]).mean(1))
