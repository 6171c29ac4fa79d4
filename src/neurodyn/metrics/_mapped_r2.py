"""A linear map between inferred and true latents or inputs, fitted on train and scored on test."""

from __future__ import annotations

import numpy as np

from neurodyn.metrics._pairs import Quantity, inferred_of, true_of
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Split
from neurodyn.regression.ridge import LinearMap, fit_validated

PENALTIES = 10.0 ** np.arange(-10.0, 0.0)


def mapped_r2(evaluation: Evaluation, what: Quantity, *, to_truth: bool) -> Measurement:
    """Pooled (variance-weighted) R² on test of the map from what is inferred to the truth, or back, over all bins inside the mask."""
    source, target = (inferred_of, true_of) if to_truth else (true_of, inferred_of)
    pairs = {split: (source(evaluation, split, what), target(evaluation, split, what)) for split in evaluation.inferred}
    found, fitted = fitted_map(evaluation, pairs)
    y, mask = pairs["test"][1], evaluation.trials["test"].mask
    scored = r2(y, found, mask, "pooled", what)
    return Measurement(scored.sums, scored.statistic, {"penalty": fitted.penalty})


def fitted_map(
    evaluation: Evaluation, pairs: dict[Split, tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, LinearMap]:
    """What a linear map with intercept from x predicts of y in the test trials `(trial, time, channel)`, and the map.

    It is fitted on train with a tiny ridge, relative to the features' mean sum of squares, chosen on valid (on train where there is no valid split).

    Args:
        pairs: x and y of every split, `(trial, time, channel)`.
    """
    rows = {split: tuple(a[evaluation.trials[split].mask] for a in pair) for split, pair in pairs.items()}
    fitted = fit_validated(rows["train"], rows.get("valid", rows["train"]), PENALTIES)
    return fitted(pairs["test"][0]), fitted
