"""Centred kernel alignment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._aligned import centred, distance_of_cosine, in_radians, in_units
from neurodyn.similarity.measures._batched import BatchedMeasure, as_array, squares
from neurodyn.similarity.measures.base import Invariance


@dataclass(frozen=True)
class CKAConfig:
    """Options of linear centred kernel alignment."""

    form: Literal["angular", "linear"] = "angular"
    """angular: arccos CKA, a metric, 0 for the same. linear: CKA itself, 1 for the same."""
    debiased: bool = False
    """Whether the estimate is unbiased, about 0 for independent activities however few the samples; it may then be negative, and the angle is no metric."""
    radians: bool = False
    """Angles in radians instead of right angles."""

    def __post_init__(self) -> None:
        check_choices(self, "cka")


class CKA(BatchedMeasure):
    """Cosine, or angle, between the sample-by-sample similarities of two activities."""

    Config: ClassVar = CKAConfig
    config: CKAConfig
    definition = "Cosine between the centred matrices of inner products of all samples, XXᵀ and YYᵀ (linear CKA), or its angle (over π/2, unless in radians); nothing is fitted."

    @property
    def direction(self) -> Literal["higher", "lower"]:
        return "higher" if self.config.form == "linear" else "lower"

    @property
    def invariances(self) -> frozenset[Invariance]:
        return frozenset({"translation", "scaling", "permutation", "orthogonal"})

    @property
    def is_metric(self) -> bool:
        return self.config.form == "angular" and not self.config.debiased

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """CKA √(p q / ((S - 1 + p) (S - 1 + q))), or its angle; 0 where debiased."""
        free = samples - 1
        found = 0.0 if self.config.debiased else np.sqrt(x_units * y_units / ((free + x_units) * (free + y_units)))
        return float(self._reported(np.asarray(found)))

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(1 - values if self.config.form == "linear" else values)

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return values if self.config.form == "linear" else np.cos(in_radians(values, self.config.radians))

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return self._reported(cosines)

    def value(self, x: Activity, y: Activity, learned: None) -> float:
        """Of samples centred by their own mean."""
        least = min(x.units, y.units)
        (first, own), (second, other) = (self.prepared(each.samples, each.name, least) for each in (x, y))
        found = float(self.of_products((first.T @ second)[None, None], [own], [other])[0, 0])
        if not np.isnan(found):
            return found
        (one, _, _), (two, _, _) = (centred(each.samples, each.name) for each in (x, y))
        return float(in_units(_precise_angle(one, two, self.config.debiased), self.config.radians))

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, _Kernel]:
        less, _, size = centred(samples, name)
        if self.config.debiased and len(samples) < 4:
            raise InvalidInput(name, f"{len(samples)} samples", "at least 4 for debiased CKA")
        less /= size
        # With fewer samples than units in every activity, XXᵀ is smaller than X, and what counts is the inner product of two of them.
        whole = least >= len(less)
        columns = (less @ less.T).reshape(-1, 1) if whole else less
        diagonal = np.square(less).sum(1)
        size_squared = float(np.square(columns if whole else less.T @ less).sum())
        if self.config.debiased:
            size_squared += float(_bias(diagonal, diagonal))
        if not size_squared > np.finfo(np.float64).eps:
            raise InvalidInput(
                name, "no similarities between samples once debiased", "samples that differ in more than one direction"
            )
        return columns, _Kernel(whole, diagonal, float(np.sqrt(size_squared)))

    def of_products(self, products: Any, xs: Sequence[_Kernel], ys: Sequence[_Kernel]) -> Float[Array, "x y"]:
        inner = as_array(products)[..., 0, 0] if xs[0].whole else squares(products)
        if self.config.debiased:
            inner = inner + _bias(np.stack([x.diagonal for x in xs]), np.stack([y.diagonal for y in ys]))
        cosine = np.asarray(inner / (np.array([[x.size for x in xs]]).T * np.array([[y.size for y in ys]])))
        if self.config.form == "linear":
            return cosine
        angle = distance_of_cosine(cosine, np.ones(1), np.ones(1), "angular")
        return in_units(angle, self.config.radians)

    def _reported(self, cosines: np.ndarray) -> np.ndarray:
        if self.config.form == "linear":
            return cosines
        return in_units(np.arccos(np.clip(cosines, -1, 1)), self.config.radians)


@dataclass(frozen=True, eq=False)
class _Kernel:
    """K = XXᵀ of an activity of unit size."""

    whole: bool
    """Whether its columns are K itself instead of X."""
    diagonal: Float[Array, " sample"]
    size: float
    """Norm of K, debiased where the measure is."""


def _bias(x: Float[Array, "*x sample"], y: Float[Array, "*y sample"]) -> np.ndarray:
    """What is added to tr(K L) to debias it, from the diagonals of K and L: -S/(S-2) Σ kᵢᵢ lᵢᵢ + tr K tr L / ((S-1)(S-2)).

    The result is S (S - 3) times the unbiased estimate of Song et al. 2012 (JMLR 13, 1393) of the Hilbert-Schmidt independence criterion.
    """
    samples = x.shape[-1]
    traces = np.multiply.outer(x.sum(-1), y.sum(-1))
    return np.asarray(-samples / (samples - 2) * (x @ y.T) + traces / ((samples - 1) * (samples - 2)))


def _precise_angle(x: Float[Array, "sample unit"], y: Float[Array, "sample other_unit"], debiased: bool) -> float:
    """Angle between two kernels in radians from their difference and their sum, each of which keeps its digits where a cosine near 1 has lost them."""
    triangle = np.linalg.qr(np.hstack([x, y]), mode="r")
    inner = [part @ part.T for part in np.split(triangle, [x.shape[1]], axis=1)]
    diagonals = [np.square(each).sum(1) for each in (x, y)]

    def size(kernel: np.ndarray, diagonal: np.ndarray) -> float:
        squared = np.square(kernel).sum() + (_bias(diagonal, diagonal) if debiased else 0)
        return float(np.sqrt(max(squared, 0)))

    sizes = [size(*each) for each in zip(inner, diagonals)]
    (one, other), (on_one, on_other) = ([each / s for each, s in zip(group, sizes)] for group in (inner, diagonals))
    return 2 * math.atan2(size(one - other, on_one - on_other), size(one + other, on_one + on_other))
