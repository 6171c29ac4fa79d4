"""Projection-weighted canonical correlation analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation
from neurodyn.similarity.measures._batched import BatchedMeasure
from neurodyn.similarity.measures._canonical import (
    Components,
    canonical_maps,
    components,
    components_with,
    with_vectors,
)
from neurodyn.similarity.measures._chance import chance_correlation
from neurodyn.similarity.measures.base import Invariance


@dataclass(frozen=True)
class PWCCAConfig:
    """Options of PWCCA."""

    variance: float = 1.0
    """Share of each side's total variance that the principal components kept first reach; 1 keeps all, as published. With p and q of them and S samples at least p + q - S + 1 correlations are 1 whatever the data."""

    def __post_init__(self) -> None:
        check_choices(self, "pwcca")
        check_range("pwcca.variance", self.variance, 0, 1, open_low=True)


class PWCCA(BatchedMeasure):
    """Mean canonical correlation, weighted by what each canonical direction tells of the first activity."""

    Config: ClassVar = PWCCAConfig
    config: PWCCAConfig
    symmetric = False
    definition = "Mean of canonical correlations, each weighted by the sum over units of x of the absolute projections of the unit on x's canonical direction (PWCCA); asymmetric."

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher"

    @property
    def invariances(self) -> frozenset[Invariance]:
        return frozenset({"translation", "scaling", "permutation"})  # weights add up absolute values over units

    @property
    def is_metric(self) -> bool:
        return False

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """Mean of Wachter's law where all components are kept: independent white units weigh all directions about alike."""
        return chance_correlation(samples, x_units, y_units) if self.config.variance == 1 else None

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(1 - values)

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return values

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return cosines

    def learned(self, x: Activity, y: Activity) -> tuple[CanonicalCorrelation, np.ndarray]:
        """Means of both sides, maps into their common space, and the weight of each direction."""
        (first, own), (second, other) = (self.prepared(each.samples, each.name, 0) for each in (x, y))
        maps = canonical_maps(first.T @ second, own, other, len(first))
        return maps, _weights(own.sizes[:, None] * (own.directions.T @ maps.x_weights), own)

    def value(self, x: Activity, y: Activity, learned: tuple[CanonicalCorrelation, np.ndarray]) -> float:
        """Of the scores of samples, with the weights that were learned; on others than those it was fitted to correlations may be negative."""
        maps, weights = learned
        return float(weights @ np.clip(maps.correlations_of(x.samples, y.samples), -1, 1))

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, Components]:
        return components(samples, name, components_with(self.config.variance))

    def of_products(self, products: Any, xs: Sequence[Components], ys: Sequence[Components]) -> Float[Array, "x y"]:
        shrunk = np.stack([x.shrunk for x in xs]), np.stack([y.shrunk for y in ys])
        left, correlations, _ = with_vectors(products, *shrunk)
        weights = np.stack([np.stack([_weights(each, x) for each in row]) for row, x in zip(left, xs)])
        return np.asarray((weights * np.clip(correlations, 0, 1)).sum(-1))


def _weights(left: Float[Array, "component pair"], x: Components) -> np.ndarray:
    """Sum over units of |⟨canonical variate, unit⟩|, over the sum of all of them; from the variates in terms of U, of any one scale."""
    found = np.abs((left * x.sizes[:, None]).T @ x.directions.T).sum(1)
    return np.asarray(found / found.sum())
