"""Distance after matching units one to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices
from neurodyn.shapes import Array, Float, Int
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._aligned import (
    Form,
    centred,
    distance_of_aligned,
    distance_of_cosine,
    in_radians,
    in_units,
)
from neurodyn.similarity.measures._batched import BatchedMeasure, as_array
from neurodyn.similarity.measures.base import Invariance


@dataclass(frozen=True)
class PermutationConfig:
    """Options of the permutation distance."""

    form: Form = "angular"
    """angular: the angle between both once matched, which forgives their size too. euclidean: the distance, in the activity's own units."""
    mode: Literal["default", "release"] = "default"
    """default: a unit that fits none stays alone, as if its partner were silent, which makes it a metric between any numbers of units. release: all units of the smaller side are matched, if need be to one of opposite sign, as in the package netrep."""
    radians: bool = False
    """Angles in radians instead of right angles."""

    def __post_init__(self) -> None:
        check_choices(self, "permutation")


class Permutation(BatchedMeasure):
    """Angle or distance between two activities after the best one-to-one matching of their units."""

    Config: ClassVar = PermutationConfig
    config: PermutationConfig
    definition = "Angle (over π/2, unless in radians) or distance between two centred activities after the best one-to-one matching of units, those that fit none left alone; 0 is the same units in another order."

    @property
    def invariances(self) -> frozenset[Invariance]:
        found: set[Invariance] = {"translation", "permutation"}
        return frozenset(found | ({"scaling"} if self.config.form == "angular" else set()))

    @property
    def is_metric(self) -> bool:
        # As released, units of unequally large sides have silent units to go to, which those of equally large sides lack.
        return self.config.mode == "default"

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return np.cos(in_radians(values, self.config.radians)) if self.config.form == "angular" else None

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return in_units(np.arccos(np.clip(cosines, -1, 1)), self.config.radians)

    def learned(self, x: Activity, y: Activity) -> _Matching:
        """Means of both sides, and which unit belongs to which."""
        (first, x_mean, _), (second, y_mean, _) = (centred(each.samples, each.name) for each in (x, y))
        return _Matching(x_mean, y_mean, *self._pairs(first.T @ second))

    def value(self, x: Activity, y: Activity, learned: _Matching) -> float:
        """Of units matched as was learned; those without a partner count as if theirs were silent."""
        first, x_rest = _split(x.samples - learned.x_mean, learned.x_units)
        second, y_rest = _split(y.samples - learned.y_mean, learned.y_units)
        found = distance_of_aligned(first, second, x_rest, y_rest, self.config.form)
        return float(in_units(found, self.config.radians)) if self.config.form == "angular" else found

    def _pairs(self, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of units, each unit in at most one, with the largest sum of products."""
        from scipy.optimize import linear_sum_assignment

        if self.config.mode == "release":
            rows, columns = linear_sum_assignment(products, maximize=True)
            return rows, columns
        rows, columns = linear_sum_assignment(np.maximum(products, 0), maximize=True)
        together = products[rows, columns] > 0
        return rows[together], columns[together]

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, float]:
        less, _, size = centred(samples, name)
        less /= size
        return less, size

    def of_products(self, products: Any, xs: Sequence[float], ys: Sequence[float]) -> Float[Array, "x y"]:
        crossed = as_array(products)
        cosine = np.empty(crossed.shape[:2])
        for place in np.ndindex(cosine.shape):
            cosine[place] = crossed[place][self._pairs(crossed[place])].sum()
        found = distance_of_cosine(cosine, np.array(xs)[:, None], np.array(ys)[None], self.config.form)
        return in_units(found, self.config.radians) if self.config.form == "angular" else found


@dataclass(frozen=True, eq=False)
class _Matching:
    x_mean: Float[Array, " unit"]
    y_mean: Float[Array, " other_unit"]
    x_units: Int[Array, " pair"]
    y_units: Int[Array, " pair"]


def _split(values: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, float]:
    """Matched units, and the size of all the others."""
    return values[:, units], float(np.linalg.norm(np.delete(values, units, 1)))
