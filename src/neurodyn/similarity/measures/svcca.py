"""Singular vector canonical correlation analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation
from neurodyn.similarity.measures._batched import BatchedMeasure, singular_values
from neurodyn.similarity.measures._canonical import (
    Components,
    canonical_maps,
    components,
    components_with,
    mean_correlation,
)
from neurodyn.similarity.measures.base import Invariance


@dataclass(frozen=True)
class SVCCAConfig:
    """Options of SVCCA."""

    variance: float = 0.99
    """Share of each side's total variance that the principal components kept first reach."""
    squared: bool = False
    """Mean of squared correlations instead of correlations."""

    def __post_init__(self) -> None:
        check_choices(self, "svcca")
        check_range("svcca.variance", self.variance, 0, 1, open_low=True)


class SVCCA(BatchedMeasure):
    """Mean canonical correlation between as many principal components as explain a share of the variance."""

    Config: ClassVar = SVCCAConfig
    config: SVCCAConfig
    definition = "Mean of all canonical correlations between the principal components that explain 99 % (or another share) of each activity's variance (SVCCA)."

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher"

    @property
    def invariances(self) -> frozenset[Invariance]:
        found: set[Invariance] = {"translation", "scaling", "permutation", "orthogonal"}
        return frozenset(found | ({"linear"} if self.config.variance == 1 else set()))

    @property
    def is_metric(self) -> bool:
        return False

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(1 - values)

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return values

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return cosines

    def learned(self, x: Activity, y: Activity) -> CanonicalCorrelation:
        """Means of both sides and maps into their common space."""
        (first, own), (second, other) = (self.prepared(each.samples, each.name, 0) for each in (x, y))
        return canonical_maps(first.T @ second, own, other, len(first))

    def value(self, x: Activity, y: Activity, learned: CanonicalCorrelation) -> float:
        """Of the scores of samples; on others than those it was fitted to correlations may be negative."""
        return float(mean_correlation(learned.correlations_of(x.samples, y.samples), self.config.squared))

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, Components]:
        return components(samples, name, components_with(self.config.variance))

    def of_products(self, products: Any, xs: Sequence[Components], ys: Sequence[Components]) -> Float[Array, "x y"]:
        return mean_correlation(singular_values(products), self.config.squared)
