"""Linear predictivity: how much of the variance of one activity a linear map of the other explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.regression.ridge import LinearMap
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._each_once import each_once
from neurodyn.similarity.measures._factored_ridge import FactoredFeatures
from neurodyn.similarity.measures.base import Invariance, SimilarityMeasure

PENALTIES = np.logspace(-8, 2, 21)
"""Relative penalties that are chosen from: times the mean over units of x of their sum of squares."""


@dataclass(frozen=True)
class LinearPredictivityConfig:
    """Options of linear predictivity."""

    penalty: float | None = None
    """Ridge penalty on the weights, relative to the mean over units of x of their sum of squares; None chooses it by leaving conditions out of the samples that are fitted to. 0 is least squares."""
    folds: int = 5
    """Parts of the conditions by which the penalty is chosen; with one condition, of its time."""
    standardised: bool = False
    """Whether units are divided by their standard deviation over the samples that are fitted to, so that all units of y weigh the same."""

    def __post_init__(self) -> None:
        check_range("linear_predictivity.folds", self.folds, 2)
        if self.penalty is not None:
            check_range("linear_predictivity.penalty", self.penalty, 0)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was learned: y from x."""

    map: LinearMap
    """Of units as they were recorded; its penalty is relative."""
    y_scale: Float[Array, " unit"]
    """What errors in each unit of y are divided by."""


class LinearPredictivity(SimilarityMeasure):
    """Variance of y that a linear map of x explains. The matrix of all pairs has x in rows, y in columns."""

    Config: ClassVar = LinearPredictivityConfig
    config: LinearPredictivityConfig
    definition = "R² of predicting y from x by ridge regression, units of y weighted by their variance; the penalty is chosen within the samples that the map is fitted to."
    symmetric = False

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher"

    @property
    def invariances(self) -> frozenset[Invariance]:
        kept: frozenset[Invariance] = frozenset({"translation", "scaling", "permutation"})
        return kept if self.config.standardised else kept | {"orthogonal"}

    @property
    def is_metric(self) -> bool:
        return False

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """Of least squares on the samples it was fitted to: p / (S − 1), at most 1. On others, and with a penalty, below 0 or unknown."""
        return min(1.0, x_units / (samples - 1)) if self.config.penalty == 0 and samples > 1 else None

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(1 - values)

    def learned(self, x: Activity, y: Activity) -> Prediction:
        features, x_scale = self._features(x)
        outputs, y_scale = self._outputs(y)
        found = features.map_to(outputs, features.chosen_penalty(outputs, self._penalties))
        weights = found.weights / x_scale[:, None] * y_scale
        return Prediction(LinearMap(weights, found.intercept * y_scale, found.penalty), y_scale)

    def value(self, x: Activity, y: Activity, learned: Prediction) -> float:
        true = y.samples / learned.y_scale
        errors = true - learned.map(x.samples) / learned.y_scale
        varies = ((true - true.mean(0)) ** 2).sum()
        if varies == 0:
            raise InvalidInput(y.name, "units that do not vary", "at least one that does")
        return float(1 - (errors**2).sum() / varies)

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's; each x is factored once for all y."""

        def compared(features: FactoredFeatures, outputs: np.ndarray) -> float:
            return features.fitted_r2(outputs, features.chosen_penalty(outputs, self._penalties))

        return each_once(
            self,
            activities,
            others,
            of_x=lambda x: self._features(x)[0],
            of_y=lambda y: self._outputs(y)[0],
            compared=compared,
            numbers=lambda each: 3 * each.values.size,
            progress=progress,
        )

    @property
    def _penalties(self) -> np.ndarray:
        return PENALTIES if self.config.penalty is None else np.array([self.config.penalty])

    def _features(self, x: Activity) -> tuple[FactoredFeatures, np.ndarray]:
        values, scale = self._outputs(x)
        groups = None
        if self.config.penalty is None:
            groups = np.nonzero(x.counted)[0]
            if groups[0] == groups[-1]:
                groups = np.arange(len(groups))
        return FactoredFeatures.of(values, groups, self.config.folds), scale

    def _outputs(self, activity: Activity) -> tuple[np.ndarray, np.ndarray]:
        """Samples, divided by what units are divided by."""
        values = activity.samples
        if not self.config.standardised:
            return values, np.ones(activity.units)
        scale = values.std(0)
        scale[scale == 0] = 1
        return values / scale, scale
