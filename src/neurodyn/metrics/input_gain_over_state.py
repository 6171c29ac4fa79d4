"""What inferred inputs say about the true ones beyond what the model's state says anyway."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.metrics._mapped_r2 import mapped_r2
from neurodyn.metrics._pairs import has
from neurodyn.metrics._stand_ins import measured_with, with_inferred
from neurodyn.metrics.base import Evaluation, Measurement, Metric


class InputGainOverState(Metric):
    """(R² of the inputs − R² of the state) / (1 − R² of the state): 0 says nothing beyond the state, below 0 less than it."""

    definition = (
        "(R2 from inferred inputs - R2 from the model's own latents of the same bin) / (1 - R2 from latents), each the variance-weighted R2 of the true "
        "inputs on test trials by a linear map fitted on train."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "inputs") and all(i.latents is not None for i in evaluation.inferred.values())

    def measure(self, evaluation: Evaluation) -> Measurement:
        state = with_inferred(evaluation, "inputs", {s: i.latents for s, i in evaluation.inferred.items()})
        inputs = mapped_r2(evaluation, "inputs", to_truth=True)
        latents = mapped_r2(state, "inputs", to_truth=True)
        residual, total = np.split(inputs.sums, 2, axis=1)
        state_residual = np.split(latents.sums, 2, axis=1)[0]
        sums = np.column_stack([a.sum(1) for a in (residual, state_residual, total)])
        return Measurement(sums, _gain, {"r2_inputs": inputs.value, "r2_state": latents.value})

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "inputs")


def _gain(sums: np.ndarray) -> np.ndarray:
    """1 − SSE of the inputs / SSE of the state, the same as the definition; 0 where the state leaves nothing to gain."""
    left, state_left, total = sums.T
    some = state_left > 1e-12 * total
    return np.where(some, 1 - left / np.where(some, state_left, 1), 0)
