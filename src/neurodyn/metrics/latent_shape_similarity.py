"""What inferred and true latents share, whatever the linear coordinates and the number of dimensions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.metrics._pairs import has, inferred_of, rows, true_of
from neurodyn.metrics._pooled_correlation import correlation, correlation_sums
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric
from neurodyn.similarity.shape_distance import LINEAR, alignment, whitening


class LatentShapeSimilarity(Metric):
    """Cosine of the shape distance of whitened latents over the largest that the number of dimensions allows, 0 to 1."""

    definition = (
        "cos(distance) / cos(floor) on test trials: the shape distance between inferred and true latents up to any linear map, over the best a model "
        "with as many latents can have; whitening and rotation fitted on train."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents")

    def measure(self, evaluation: Evaluation) -> Measurement:
        x, y = (values - values.mean(0) for values in rows(evaluation, "train", "latents"))
        to_x, to_y = _whitening(x), _whitening(y)
        turned = to_x @ alignment(to_x @ (x.T @ y) @ to_y)
        found, true = inferred_of(evaluation, "test", "latents") @ turned, true_of(evaluation, "test", "latents") @ to_y
        sums = correlation_sums(found, true, evaluation.trials["test"].mask)
        return Measurement(sums, correlation, {"inferred_latents": len(to_x), "true_latents": len(to_y)})

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "latents")


def _whitening(centred: np.ndarray) -> np.ndarray:
    """Symmetric, of products relative to the total variance: no direction with less than 1e-7 of it is blown up to full size."""
    products = centred.T @ centred
    return np.asarray(whitening(products / max(float(np.trace(products)), np.finfo(float).tiny), LINEAR))
