"""Canonical correlation analysis of the leading principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation
from neurodyn.similarity.measures._batched import BatchedMeasure, singular_values, squares
from neurodyn.similarity.measures._canonical import (
    Components,
    canonical_maps,
    components,
    mean_correlation,
    shrunk_correlations,
    with_vectors,
)
from neurodyn.similarity.measures._chance import chance_correlation, chance_squared_correlation
from neurodyn.similarity.measures.base import Invariance

RELEASE_RIDGE = 1e-3
"""What the released code adds to the diagonals of XᵀX and YᵀY of principal components, in the activity's own units."""


@dataclass(frozen=True)
class CCAConfig:
    """Options of canonical correlation analysis."""

    components: int | None = 20
    """Principal components of each side that are kept first; null for all. With p and q of them and S samples at least p + q - S + 1 correlations are 1 whatever the data."""
    ridge: float = 0.0
    """What is added to each component's variance before it is divided by, as a share of the mean variance of those kept."""
    squared: bool = False
    """Mean of squared correlations instead of correlations."""
    mode: Literal["default", "release"] = "default"
    """default: the mean correlation, 1 for the same. release: 1 - mean correlation with a ridge of 1e-3 on XᵀX in the activity's own units, as in the public code of arXiv:2506.06904; `ridge` does nothing then."""

    def __post_init__(self) -> None:
        check_choices(self, "cca")
        check_range("cca.ridge", self.ridge, 0)
        if self.components is not None:
            check_range("cca.components", self.components, 1)


class CCA(BatchedMeasure):
    """Mean canonical correlation between the leading principal components of two activities."""

    Config: ClassVar = CCAConfig
    config: CCAConfig
    definition = "Mean of all canonical correlations between the leading principal components of both activities (mode release: 1 minus it)."

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "lower" if self._released else "higher"

    @property
    def invariances(self) -> frozenset[Invariance]:
        found: set[Invariance] = {"translation", "permutation", "orthogonal"}
        if not self._released:
            found.add("scaling")
            if self.config.components is None and self.config.ridge == 0:
                found.add("linear")
        return frozenset(found)

    @property
    def is_metric(self) -> bool:
        return False

    @property
    def _released(self) -> bool:
        return self.config.mode == "release"

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """Mean of Wachter's law for as many components as are kept, whatever their ridge."""
        few = samples - 1 if self.config.components is None else self.config.components
        law = chance_squared_correlation if self.config.squared else chance_correlation
        return float(self._reported(np.asarray(law(samples, min(x_units, few), min(y_units, few)))))

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values if self._released else 1 - values)

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return 1 - values if self._released else values

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return self._reported(cosines)

    def learned(self, x: Activity, y: Activity) -> CanonicalCorrelation:
        """Means of both sides and maps into their common space."""
        (first, own), (second, other) = (self.prepared(each.samples, each.name, 0) for each in (x, y))
        return canonical_maps(first.T @ second, own, other, len(first))

    def value(self, x: Activity, y: Activity, learned: CanonicalCorrelation) -> float:
        """Of the scores of samples; on others than those it was fitted to correlations may be negative."""
        found = mean_correlation(learned.correlations_of(x.samples, y.samples), self.config.squared)
        return float(self._reported(found))

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, Components]:
        kept = self.config.components
        return components(samples, name, lambda sizes: len(sizes[:kept]), self._ridge if self._shrinks else None)

    def of_products(self, products: Any, xs: Sequence[Components], ys: Sequence[Components]) -> Float[Array, "x y"]:
        fewer = min(xs[0].number, ys[0].number)
        if self._shrinks:
            shrunk = np.stack([x.shrunk for x in xs]), np.stack([y.shrunk for y in ys])
            correlations = shrunk_correlations(*with_vectors(products, *shrunk), *shrunk)
        elif self.config.squared:  # their sum needs no singular values
            return self._reported(np.minimum(squares(products) / fewer, 1))
        else:
            correlations = singular_values(products)
        return self._reported(mean_correlation(correlations, self.config.squared))

    @property
    def _shrinks(self) -> bool:
        return self._released or self.config.ridge > 0

    def _ridge(self, sizes: np.ndarray) -> float:
        return RELEASE_RIDGE if self._released else self.config.ridge * float(np.mean(sizes**2))

    def _reported(self, correlation: np.ndarray) -> np.ndarray:
        return np.asarray(1 - correlation if self._released else correlation)
