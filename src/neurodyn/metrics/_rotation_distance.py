"""How far inferred trajectories are from the true ones once both are turned onto each other in as many dimensions."""

from __future__ import annotations

import numpy as np

from neurodyn.metrics._pairs import Quantity, inferred_of, rows, true_of
from neurodyn.metrics._pooled_correlation import correlation, correlation_sums
from neurodyn.metrics.base import Evaluation, Measurement
from neurodyn.similarity.shape_distance import alignment

VARIANCE = 0.99
"""Part of the truth's variance that the dimensions kept explain."""


def rotation_distance(evaluation: Evaluation, what: Quantity) -> Measurement:
    """Angle in radians between inferred and true trajectories on test, in as many principal components of each as explain 99 % of the truth.

    Means, components and rotation are fitted on train. A held-out angle may exceed π/2, where the rotation fitted on train is a bad one.
    """
    inferred, true = (values - values.mean(0) for values in rows(evaluation, "train", what))
    to_true = _components(true)
    to_inferred = _components(inferred, to_true.shape[1])
    turned = to_inferred @ alignment((inferred @ to_inferred).T @ (true @ to_true))
    x, y = inferred_of(evaluation, "test", what) @ turned, true_of(evaluation, "test", what) @ to_true
    sums = correlation_sums(x, y, evaluation.trials["test"].mask)
    context = {"dimensions": to_true.shape[1], f"inferred_{what}": inferred.shape[1]}
    return Measurement(sums, lambda s: np.arccos(np.clip(correlation(s), -1, 1)), context)


def _components(centred: np.ndarray, most: int | None = None) -> np.ndarray:
    """Leading principal axes `(channel, component)`: as many as asked for and there are, or as explain `VARIANCE`."""
    values, vectors = np.linalg.eigh(centred.T @ centred)
    explained = np.cumsum(values[::-1]) / max(values.sum(), np.finfo(float).tiny)
    kept = int(np.searchsorted(explained, VARIANCE)) + 1 if most is None else most
    return np.asarray(vectors[:, ::-1][:, :kept])
