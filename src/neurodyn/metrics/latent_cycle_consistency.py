"""How much of the latents can be had back from the rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import FLOOR, has_rates
from neurodyn.metrics._mapped_r2 import PENALTIES
from neurodyn.metrics._pairs import has, inferred_of
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Split, other_trials
from neurodyn.regression.ridge import fit_validated

ENERGY = 0.99
"""Part of the log rates' variance that the directions kept explain."""


class LatentCycleConsistency(Metric):
    """Variance-weighted R² of the latents recovered from the model's own log rates: is there latent activity that never reaches the units?"""

    definition = (
        "Variance-weighted R2 on test trials of the inferred latents recovered from the inferred log rates by the truncated inverse of the linear map from "
        "latents to log rates (fitted on train), without the directions that carry the last 1 % of the mapped variance."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents") and all(
            has_rates(evaluation.trials[split], inferred) for split, inferred in evaluation.inferred.items()
        )

    def measure(self, evaluation: Evaluation) -> Measurement:
        latents, log_rates = _rows(evaluation, "train")
        valid = _rows(evaluation, "valid") if "valid" in evaluation.inferred else (latents, log_rates)
        readout = fit_validated((latents, log_rates), valid, PENALTIES)
        mean = latents.mean(0)
        values, axes = np.linalg.eigh(np.cov(latents, rowvar=False, bias=True).reshape(2 * (latents.shape[1],)))
        spread = axes * np.sqrt(np.maximum(values, 0))  # latents = mean + spread · (white)
        left, gain, right = np.linalg.svd(spread.T @ readout.weights, full_matrices=False)
        energy = np.cumsum(gain**2)
        kept = (np.arange(len(gain)) <= np.searchsorted(energy, ENERGY * energy[-1])) & (gain > 0)
        back = (right[kept].T / gain[kept]) @ left[:, kept].T @ spread.T
        x = inferred_of(evaluation, "test", "latents")
        found = mean + (_log_rates(evaluation, "test") - readout(mean)) @ back
        scored = r2(x, found, evaluation.trials["test"].mask, "pooled", "latents")
        return Measurement(
            scored.sums, scored.statistic, {"directions": int(kept.sum()), "inferred_latents": len(mean)}
        )

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        test = evaluation.inferred["test"]
        if test.rates is None or len(test.rates) < 2:
            return {}
        # Rates and latents of other trials go together as well as one's own: only the rates change hands.
        moved = dataclasses.replace(test, rates=test.rates[other_trials(len(test.rates))])
        return {"shuffled": self.measure(Evaluation(evaluation.trials, {**evaluation.inferred, "test": moved}))}


def _rows(evaluation: Evaluation, split: Split) -> tuple[np.ndarray, np.ndarray]:
    mask = evaluation.trials[split].mask
    return inferred_of(evaluation, split, "latents")[mask], _log_rates(evaluation, split)[mask]


def _log_rates(evaluation: Evaluation, split: Split) -> np.ndarray:
    rates = inferred_of(evaluation, split, "rates")
    if rates.min(initial=0) < 0:
        raise InvalidInput("rates", f"{rates.min()} in {split} trials", "expected counts per bin, 0 or more")
    return np.asarray(np.log(np.maximum(rates, FLOOR)))
