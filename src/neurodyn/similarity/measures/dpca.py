"""Demixed PCA: whether two populations carry time, condition or their interaction by the same courses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.marginalisation import PARTS, DemixedComponents, Part, complete_bins
from neurodyn.similarity.measures._each_once import each_once
from neurodyn.similarity.measures.base import Invariance, Need, SimilarityMeasure


@dataclass(frozen=True)
class DPCAConfig:
    """Options of the comparison of demixed components."""

    part: Literal["all", "time", "condition", "interaction"] = "all"
    """What the components carry; all is the mean of the three distances."""
    components: int = 3
    """Components of each part, at most."""
    ridge: float = 1e-3
    """Penalty on the decoders, relative to the total sum of squares: directions with a smaller share of the variance hardly count."""

    def __post_init__(self) -> None:
        check_choices(self, "dpca")
        check_range("dpca.components", self.components, 1)
        check_range("dpca.ridge", self.ridge, 0)


@dataclass(frozen=True, eq=False)
class _Axes:
    """One part of two activities along their canonical axes."""

    x: Float[Array, "unit axis"]
    y: Float[Array, "other_unit axis"]
    missing: int
    """Components that one side has more than the other: they are at a right angle to it."""


@dataclass(frozen=True, eq=False)
class _Alignment:
    x_mean: Float[Array, " unit"]
    y_mean: Float[Array, " other_unit"]
    axes: Mapping[Part, _Axes]


class DPCA(SimilarityMeasure):
    """Angle between the demixed components of two activities: their courses over conditions and time."""

    Config: ClassVar = DPCAConfig
    config: DPCAConfig
    definition = (
        "Root mean square of the principal angles between the latents of demixed PCA of two activities, over π/2; decoders, means and principal axes are fitted, "
        "and the angle of a pair of axes on other samples is that of their deviations from the means fitted."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"time"})

    @property
    def invariances(self) -> frozenset[Invariance]:
        return frozenset({"translation", "scaling", "permutation", "orthogonal"})

    @property
    def is_metric(self) -> bool:
        return False

    def learned(self, x: Activity, y: Activity) -> _Alignment:
        found, others = self._components(x), self._components(y)
        x_bases, y_bases = _bases(x, found), _bases(y, others)
        axes = {}
        for part, one in found.items():
            other = others[part]
            x_turn, y_turn = _principal(x_bases[part], y_bases[part])
            axes[part] = _Axes(
                one.decoder / one.sizes @ x_turn,
                other.decoder / other.sizes @ y_turn,
                abs(len(one.sizes) - len(other.sizes)),
            )
        return _Alignment(_grand_mean(found), _grand_mean(others), axes)

    def value(self, x: Activity, y: Activity, learned: _Alignment) -> float:
        x_rows = complete_bins(x).reshape(-1, x.units) - learned.x_mean
        y_rows = complete_bins(y).reshape(-1, y.units) - learned.y_mean
        return float(
            np.mean([_distance(x_rows @ each.x, y_rows @ each.y, each.missing) for each in learned.axes.values()])
        )

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's; each activity is demixed once."""

        def prepared(activity: Activity) -> dict[Part, np.ndarray]:
            return _bases(activity, self._components(activity))

        def compared(x: Mapping[Part, np.ndarray], y: Mapping[Part, np.ndarray]) -> float:
            found = []
            for part, x_basis in x.items():
                x_turn, y_turn = _principal(x_basis, y[part])
                missing = abs(x_basis.shape[1] - y[part].shape[1])
                found.append(_distance(x_basis @ x_turn, y[part] @ y_turn, missing))
            return float(np.mean(found))

        return each_once(
            self,
            activities,
            others,
            of_x=prepared,
            of_y=prepared,
            compared=compared,
            numbers=lambda each: 3 * self.config.components * each.rows * each.bins,
            progress=progress,
        )

    @property
    def _parts(self) -> tuple[Part, ...]:
        return PARTS if self.config.part == "all" else (self.config.part,)

    def _components(self, activity: Activity) -> dict[Part, DemixedComponents]:
        if activity.rows < 2 and self.config.part != "time":
            raise InvalidInput(activity.name, "one condition", "at least two", "Take part=time.")
        return DemixedComponents.fit(activity, self.config.components, self.config.ridge, self._parts)


def _grand_mean(components: Mapping[Part, DemixedComponents]) -> np.ndarray:
    return np.asarray(next(iter(components.values())).mean)


def _bases(
    activity: Activity, components: Mapping[Part, DemixedComponents]
) -> dict[Part, Float[Array, "sample component"]]:
    """Latents of each part on the samples they were found in, scaled to unit size: orthonormal columns."""
    rows = complete_bins(activity).reshape(-1, activity.units)
    return {part: each.latents(rows) / each.sizes for part, each in components.items()}


def _principal(
    x: Float[Array, "sample component"], y: Float[Array, "sample other_component"]
) -> tuple[np.ndarray, np.ndarray]:
    """What turns two orthonormal bases into pairs of principal axes, the closest first."""
    left, _, right = np.linalg.svd(x.T @ y, full_matrices=False)
    return left, right.T


def _distance(x: Float[Array, "sample axis"], y: Float[Array, "sample axis"], missing: int) -> float:
    """Root mean square of the angles between pairs of columns, over π/2; 0 where neither side has any."""
    x, y = (each / np.maximum(np.linalg.norm(each, axis=0), np.finfo(np.float64).tiny) for each in (x, y))
    # Half the angle has this tangent; the arc cosine would lose half of the digits near 0.
    angles = 2 * np.arctan2(np.linalg.norm(x - y, axis=0), np.linalg.norm(x + y, axis=0))
    number = len(angles) + missing
    return float(np.sqrt((angles @ angles / (np.pi / 2) ** 2 + missing) / number)) if number else 0.0
