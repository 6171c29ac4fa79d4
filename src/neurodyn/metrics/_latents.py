"""A linear map between inferred and true latents, fitted on train and scored on test."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, Measurement, Split
from neurodyn.regression.ridge import fit_validated

PENALTIES = 10.0 ** np.arange(-10.0, 0.0)


def has_latents(evaluation: Evaluation) -> bool:
    """Whether train and test trials carry true latents and the model infers some."""
    return {"train", "test"} <= set(evaluation.inferred) and all(
        evaluation.inferred[split].latents is not None and "latents" in evaluation.trials[split].truth
        for split in evaluation.inferred
    )


def mapped_r2(evaluation: Evaluation, *, to_truth: bool) -> Measurement:
    """Pooled (variance-weighted) R² on test of the map from inferred to true latents, or back, over all bins inside the mask.

    The ridge is tiny, relative to the features' mean sum of squares, and chosen on valid (on train where there is no valid split).
    """

    def arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
        inferred, trials = evaluation.inferred[split].latents, evaluation.trials[split]
        assert inferred is not None
        if not np.isfinite(inferred[trials.mask]).all():
            raise InvalidInput("latents", f"values that are not finite in {split} trials", "finite latents")
        pair = inferred.astype(np.float64), trials.truth["latents"].astype(np.float64)
        return pair if to_truth else pair[::-1]

    def rows(split: Split) -> tuple[np.ndarray, np.ndarray]:
        x, y = arrays(split)
        mask = evaluation.trials[split].mask
        return x[mask], y[mask]

    train = rows("train")
    fitted = fit_validated(train, rows("valid") if "valid" in evaluation.inferred else train, PENALTIES)
    x, y = arrays("test")
    mask = evaluation.trials["test"].mask
    found = r2(y, fitted(np.where(mask[..., None], x, 0)), mask, "pooled", "latents")
    return Measurement(found.sums, found.statistic, {"penalty": fitted.penalty})
