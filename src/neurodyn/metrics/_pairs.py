"""Inferred quantities beside the true ones."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation, Split

Quantity = Literal["rates", "latents", "inputs"]
"""What a model infers and simulated trials know."""


def has(evaluation: Evaluation, what: Quantity) -> bool:
    """Whether the trials of every split, train and test among them, carry the truth and the model infers it."""
    return {"train", "test"} <= set(evaluation.inferred) and all(
        what in evaluation.trials[split].truth and (found := getattr(inferred, what)) is not None and found.shape[2]
        for split, inferred in evaluation.inferred.items()
    )


def inferred_of(evaluation: Evaluation, split: Split, what: Quantity) -> np.ndarray:
    """What the model infers of a split's trials, `(trial, time, channel)` in float64, 0 outside the mask.

    Raises:
        InvalidInput: a value that is not finite inside the mask.
    """
    inside = evaluation.trials[split].mask[..., None]
    values = np.where(inside, getattr(evaluation.inferred[split], what), 0).astype(np.float64)
    if not np.isfinite(values.sum()):
        trial, time, channel = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        got = f"{values[trial, time, channel]} at {split} trial {trial}, bin {time}, channel {channel}"
        raise InvalidInput(what, got, "finite values")
    return values


def true_of(evaluation: Evaluation, split: Split, what: Quantity) -> np.ndarray:
    """The truth of a split's trials, `(trial, time, channel)` in float64, 0 outside the mask."""
    trials = evaluation.trials[split]
    return np.where(trials.mask[..., None], trials.truth[what], 0).astype(np.float64)


def rows(evaluation: Evaluation, split: Split, what: Quantity) -> tuple[np.ndarray, np.ndarray]:
    """Inferred and true values of the bins inside the mask, each `(row, channel)`."""
    mask = evaluation.trials[split].mask
    return inferred_of(evaluation, split, what)[mask], true_of(evaluation, split, what)[mask]
