"""Behaviour decoded linearly from the rates."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Split
from neurodyn.regression.ridge import fit_cross_validated

PENALTIES = 10.0 ** np.arange(-4, 5)


class BehaviourR2(Metric):
    """R² of behaviour decoded by ridge regression from all units' rates of the same bin (arXiv 2109.04463)."""

    definition = (
        "R2 on test trials, averaged over behaviour channels, of a ridge regression with intercept from all units' rates over the observed bins, "
        "fitted on train with its penalty (1e-4 ... 1e4) by 5-fold cross-validation over whole training trials; bins without behaviour left out."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return all(
            evaluation.inferred[split].rates is not None and bool(self._usable(evaluation, split).any())
            for split in ("train", "test")
            if split in evaluation.inferred
        ) and {"train", "test"} <= set(evaluation.inferred)

    def measure(self, evaluation: Evaluation) -> Measurement:
        usable = self._usable(evaluation, "train")
        rates, behaviour = self._arrays(evaluation, "train")
        decoder = fit_cross_validated(rates[usable], behaviour[usable], np.nonzero(usable)[0], PENALTIES)
        rates, behaviour = self._arrays(evaluation, "test")
        mask = self._usable(evaluation, "test")
        found = r2(behaviour, decoder(np.where(mask[..., None], rates, 0)), mask, "channels", "decoded behaviour")
        return Measurement(found.sums, found.statistic, {"penalty": decoder.penalty})

    @staticmethod
    def _usable(evaluation: Evaluation, split: Split) -> np.ndarray:
        """Bins `(trial, time)` with data and every behaviour channel."""
        trials = evaluation.trials[split]
        behaviour = trials.behaviour
        if behaviour is None:
            return np.zeros((len(trials), 0), bool)
        seen = trials.observed_bins
        return np.asarray(trials.mask[:, :seen] & np.isfinite(behaviour[:, :seen]).all(2))

    @staticmethod
    def _arrays(evaluation: Evaluation, split: Split) -> tuple[np.ndarray, np.ndarray]:
        trials, rates = evaluation.trials[split], evaluation.inferred[split].rates
        behaviour = trials.behaviour
        assert rates is not None and behaviour is not None
        seen = trials.observed_bins
        rates = rates[:, :seen].astype(np.float64)
        if not np.isfinite(rates[trials.mask[:, :seen]]).all():
            raise InvalidInput("rates", f"values that are not finite in {split} trials", "finite rates")
        return rates, behaviour[:, :seen]
