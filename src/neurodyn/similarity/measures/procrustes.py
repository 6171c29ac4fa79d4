"""Procrustes and generalised shape distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._aligned import (
    Form,
    centred,
    distance_of_aligned,
    distance_of_cosine,
    in_radians,
    in_units,
)
from neurodyn.similarity.measures._batched import BatchedMeasure, singular_values
from neurodyn.similarity.measures._chance import chance_correlation, chance_cosine
from neurodyn.similarity.measures.base import Invariance
from neurodyn.similarity.shape_distance import SMALLEST_EIGENVALUE, spectral_gain


@dataclass(frozen=True)
class ProcrustesConfig:
    """Options of the Procrustes distance."""

    form: Form = "angular"
    """angular: the angle between both once aligned, which forgives their size too. euclidean: the distance, in the activity's own units."""
    alpha: float = 1.0
    """What is forgiven: 1 rotations and reflections, 0 any invertible linear map, in steps between. Directions of variance λ are multiplied by α + (1 - α) / √λ first."""
    mode: Literal["default", "release"] = "default"
    """Of λ, for alpha below 1. default: share of the total variance. release: eigenvalues of XᵀX as they are, as in the package netrep; for 0 < alpha < 1 the value then depends on units and on the number of samples."""
    radians: bool = False
    """Angles in radians instead of right angles."""

    def __post_init__(self) -> None:
        check_choices(self, "procrustes")
        check_range("procrustes.alpha", self.alpha, 0, 1)


class Procrustes(BatchedMeasure):
    """Angle or distance between two activities after the best rotation of one onto the other."""

    Config: ClassVar = ProcrustesConfig
    config: ProcrustesConfig
    definition = "Angle (over π/2, unless in radians) or distance between two centred activities after the best rotation (Procrustes), partially whitened first for alpha below 1; 0 is the same shape."

    @property
    def invariances(self) -> frozenset[Invariance]:
        c = self.config
        found: set[Invariance] = {"translation", "permutation", "orthogonal"}
        if c.form == "angular" and (c.mode == "default" or self._rigid or c.alpha == 0):
            found.add("scaling")
        if c.form == "angular" and c.alpha == 0:
            found.add("linear")
        return frozenset(found)

    @property
    def is_metric(self) -> bool:
        # As released, the size of a whitened activity depends on how many units the other one has more.
        return self.config.form == "angular" or self.config.mode == "default" or self._rigid

    @property
    def _rigid(self) -> bool:
        return self.config.alpha == 1

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """arccos(8/(3π) √(n / (S - 1))) for n units on both sides, with the law for unequal numbers and, for alpha 0, for any number of samples; see the page."""
        if self.config.form == "euclidean":
            return None
        if self.config.alpha == 0:
            few, many = sorted(min(units, max(samples - 1, 1)) for units in (x_units, y_units))
            cosine: float | None = chance_correlation(samples, few, many) * float(np.sqrt(few / many))
        else:
            cosine = chance_cosine(samples, x_units, y_units)
        return None if cosine is None else float(in_units(np.arccos(min(cosine, 1.0)), self.config.radians))

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        return np.cos(in_radians(values, self.config.radians)) if self.config.form == "angular" else None

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        return in_units(np.arccos(np.clip(cosines, -1, 1)), self.config.radians)

    def learned(self, x: Activity, y: Activity) -> _Alignment:
        """Means, whitening and rotations of both sides."""
        (x_white, own), (y_white, other) = (_whitened(each.samples, each.name, self.config) for each in (x, y))
        left, _, right = np.linalg.svd(x_white.T @ y_white, full_matrices=False)
        more = x.units - y.units
        return _Alignment(own, other, own.gain(max(-more, 0)), other.gain(max(more, 0)), left, right.T)

    def value(self, x: Activity, y: Activity, learned: _Alignment) -> float:
        """Of samples mapped as was learned: on others than those it was fitted to the angle may exceed π/2."""
        first, x_rest = _mapped(x.samples, learned.x, learned.x_gain, learned.x_rotation)
        second, y_rest = _mapped(y.samples, learned.y, learned.y_gain, learned.y_rotation)
        found = distance_of_aligned(first, second, x_rest, y_rest, self.config.form)
        return float(in_units(found, self.config.radians)) if self.config.form == "angular" else found

    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, _Whitening]:
        white, own = _whitened(samples, name, self.config)
        if white.shape[1] > len(white):  # a rotation leaves as many columns as there are samples
            white = np.asarray(np.linalg.qr(white.T, mode="r")).T
        return white, own

    def of_products(self, products: Any, xs: Sequence[_Whitening], ys: Sequence[_Whitening]) -> Float[Array, "x y"]:
        white = np.array([[x.white_size for x in xs]]).T, np.array([[y.white_size for y in ys]])
        cosine = singular_values(products).sum(-1) / (white[0] * white[1])
        x_size, y_size = white
        if self.config.form == "euclidean":
            x_size = x_size * [[x.gain(max(y.units - x.units, 0)) for y in ys] for x in xs]
            y_size = y_size * [[y.gain(max(x.units - y.units, 0)) for y in ys] for x in xs]
        found = distance_of_cosine(cosine, x_size, y_size, self.config.form)
        return in_units(found, self.config.radians) if self.config.form == "angular" else found


@dataclass(frozen=True, eq=False)
class _Whitening:
    """Samples -> centred, partially whitened samples, but for a common factor."""

    mean: Float[Array, " unit"]
    scale: float
    """What centred samples are multiplied by first."""
    map: Float[Array, "unit unit"] | None
    """Z; None for none."""
    white_size: float
    """Frobenius norm of what it was fitted to, mapped."""
    kept_size: float | None
    """Norm that `gain` gives it; None where the released formula gives another."""
    variances: np.ndarray
    """λ, for the released formula."""
    alpha: float

    @property
    def units(self) -> int:
        return len(self.mean)

    def gain(self, padded: int) -> float:
        """What the mapped samples are multiplied by so that whitening leaves the total variance as it was.

        Args:
            padded: units of zeros that the released code adds, each with the smallest variance it knows.
        """
        if self.kept_size is not None:
            return self.kept_size / self.white_size
        padding = np.full(padded, SMALLEST_EIGENVALUE)
        variances = np.maximum(np.concatenate([self.variances, padding]), SMALLEST_EIGENVALUE)
        return float(np.sqrt(variances.sum() / (variances * spectral_gain(variances, self.alpha) ** 2).sum()))

    def applied(self, samples: np.ndarray) -> np.ndarray:
        """Samples mapped, without the gain."""
        scaled = (samples - self.mean) * self.scale
        return np.asarray(scaled if self.map is None else scaled @ self.map)


@dataclass(frozen=True, eq=False)
class _Alignment:
    x: _Whitening
    y: _Whitening
    x_gain: float
    y_gain: float
    x_rotation: Float[Array, "unit column"]
    y_rotation: Float[Array, "other_unit column"]


def _whitened(samples: np.ndarray, name: str, config: ProcrustesConfig) -> tuple[np.ndarray, _Whitening]:
    """Samples centred and whitened, and how."""
    less, mean, size = centred(samples, name)
    if config.alpha == 1:
        less /= size
        return less, _Whitening(mean, 1 / size, None, 1.0, size, np.ones(0), config.alpha)
    scale = 1.0 if config.mode == "release" else 1 / size
    less *= scale
    variances, directions = np.linalg.eigh(less.T @ less)
    map_ = (directions * spectral_gain(variances, config.alpha)) @ directions.T
    white = less @ map_
    kept = None if config.mode == "release" else size
    return white, _Whitening(mean, scale, map_, float(np.linalg.norm(white)), kept, variances, config.alpha)


def _mapped(samples: np.ndarray, own: _Whitening, gain: float, rotation: np.ndarray) -> tuple[np.ndarray, float]:
    """Samples whitened and rotated, and the size of what lies outside of the rotation's columns."""
    white = own.applied(samples) * gain
    turned = white @ rotation
    if rotation.shape[0] == rotation.shape[1]:
        return turned, 0.0
    return turned, float(np.linalg.norm(white - turned @ rotation.T))
