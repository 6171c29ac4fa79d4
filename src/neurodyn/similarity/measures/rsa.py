"""Representational similarity analysis: whether patterns that differ much in one activity differ much in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._dissimilarity import (
    Agreement,
    Dissimilarity,
    Over,
    agreement,
    comparable,
    dissimilarities,
)
from neurodyn.similarity.measures._each_once import each_once
from neurodyn.similarity.measures.base import Invariance, Need, SimilarityMeasure


@dataclass(frozen=True)
class RSAConfig:
    """Options of representational similarity analysis."""

    rdm: Dissimilarity = "correlation"
    """How patterns differ. correlation: 1 - r across units. squared_euclidean. crossvalidated_mahalanobis: squared, between averages over two halves of the single trials, in the metric of the trials' noise."""
    compare: Agreement = "spearman"
    """How two sets of dissimilarities agree; kendall is tau-a, whitened_cosine takes into account that dissimilarities that share a pattern vary together."""
    over: Over = "conditions"
    """What a pattern is. conditions: a condition, all its bins together. averages: a condition's mean over time. samples: a condition in a bin. bins: conditions, bin by bin, and the agreement averaged."""

    def __post_init__(self) -> None:
        check_choices(self, "rsa")


class RSA(SimilarityMeasure):
    """Agreement of representational dissimilarities: which pairs of patterns are far apart."""

    Config: ClassVar = RSAConfig
    config: RSAConfig
    definition = "Correlation or cosine between the dissimilarities of all pairs of patterns in one activity and in the other (RSA); nothing is fitted."

    @property
    def needs(self) -> frozenset[Need]:  # type: ignore[override]
        return frozenset({"repeats"}) if self.config.rdm == "crossvalidated_mahalanobis" else frozenset()

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher"

    @property
    def invariances(self) -> frozenset[Invariance]:
        if self.config.rdm == "correlation":
            # Each pattern's mean over units is taken off: a shift of one unit or a rotation changes it.
            return frozenset({"scaling", "permutation"})
        return frozenset({"translation", "scaling", "permutation", "orthogonal"})

    @property
    def is_metric(self) -> bool:
        return False

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """0 for correlations; for the whitened cosine of squared Euclidean dissimilarities of samples √(p q / ((S − 1 + p)(S − 1 + q))), as linear CKA; else unknown."""
        if self.config.compare in ("spearman", "pearson", "kendall"):
            return 0.0
        if (self.config.rdm, self.config.compare, self.config.over) == (
            "squared_euclidean",
            "whitened_cosine",
            "samples",
        ):
            free = samples - 1
            return float(np.sqrt(x_units * y_units / ((free + x_units) * (free + y_units))))
        return None

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(1 - values)

    def value(self, x: Activity, y: Activity, learned: Any) -> float:
        return agreement(self._prepared(x), self._prepared(y), self.config.compare)

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's; each activity's dissimilarities are computed once."""
        return each_once(
            self,
            activities,
            others,
            of_x=self._prepared,
            of_y=self._prepared,
            compared=lambda x, y: agreement(x, y, self.config.compare),
            numbers=self._entries,
            progress=progress,
        )

    def _entries(self, activity: Activity) -> int:
        """About how many dissimilarities there are."""
        patterns = activity.rows * (activity.bins if self.config.over == "samples" else 1)
        return (activity.bins if self.config.over == "bins" else 1) * patterns**2 // 2 + 1

    def _prepared(self, activity: Activity) -> list[np.ndarray]:
        found = dissimilarities(activity, self.config.rdm, self.config.over)
        return [comparable(each, self.config.compare) for each in found]
