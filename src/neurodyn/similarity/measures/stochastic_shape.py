"""Stochastic shape distance: averages and trial-to-trial covariances compared at once, up to one rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures._each_once import each_once
from neurodyn.similarity.measures._gaussian_alignment import Gaussians, align, squared_distance
from neurodyn.similarity.measures._repeated import Repeated
from neurodyn.similarity.measures.base import Invariance, Need, SimilarityMeasure

_MOST_ENTRIES = 50_000_000
"""Numbers of the covariances of one activity, 0.4 GB."""


@dataclass(frozen=True)
class StochasticShapeConfig:
    """Options of the stochastic shape distance."""

    covariance_weight: float = 1.0
    """What covariances weigh against averages: 0 averages alone (Procrustes), 1 the Wasserstein distance between Gaussians, 2 covariances alone."""
    normalised: bool = True
    """Whether each side is divided by its size, so that a distance says nothing of units of measurement and is at most the square root of 2."""
    shrinkage: float | None = None
    """Share of each covariance that is replaced by a sphere of the same variance, 0 to 1; None takes Ledoit and Wolf's, of each condition and bin."""
    components: int | None = 10
    """Principal components of the single trials that each side is reduced to first; None keeps all units, which few trials do not suffice for and which takes long."""
    starts: int = 8
    """Rotations that the search starts from."""
    seed: int = 0
    """Of the rotations that are drawn."""

    def __post_init__(self) -> None:
        check_range("stochastic_shape.covariance_weight", self.covariance_weight, 0, 2)
        check_range("stochastic_shape.starts", self.starts, 1)
        if self.shrinkage is not None:
            check_range("stochastic_shape.shrinkage", self.shrinkage, 0, 1)
        if self.components is not None:
            check_range("stochastic_shape.components", self.components, 1)


@dataclass(frozen=True, eq=False)
class _Frame:
    """What is done to one side before it is rotated, from the samples that were fitted to."""

    origin: Float[Array, " unit"]
    axes: Float[Array, "unit dimension"]
    scale: float


@dataclass(frozen=True, eq=False)
class _Alignment:
    sides: tuple[tuple[Activity, _Frame, Gaussians], ...]
    """Each side, what was done to it, and what came of it."""
    rotation: Float[Array, "dimension dimension"]


class StochasticShape(SimilarityMeasure):
    """Distance between averages and covariances of single trials, minimised over one rotation of all units."""

    Config: ClassVar = StochasticShapeConfig
    config: StochasticShapeConfig
    definition = (
        "Root of the mean over conditions and bins of (2 - a) times the squared distance of averages plus a times the squared Bures distance of covariances of single "
        "trials, centred over conditions and bins, at the best rotation found."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"repeats"})
    draws: ClassVar[int] = 20

    @property
    def invariances(self) -> frozenset[Invariance]:
        kept: frozenset[Invariance] = frozenset({"translation", "permutation", "orthogonal"})
        return kept | {"scaling"} if self.config.normalised else kept

    @property
    def is_metric(self) -> bool:
        """With both averages and covariances, of activities as far as these describe them."""
        return 0 < self.config.covariance_weight < 2

    def learned(self, x: Activity, y: Activity) -> _Alignment:
        sides = [(each, *self._prepared(each)) for each in (x, y)]
        return _Alignment(tuple(sides), self._rotation(*(gaussians for _, _, gaussians in sides)))

    def value(self, x: Activity, y: Activity, learned: _Alignment) -> float:
        one, other = (
            own if side is fitted else self._gaussians(side, frame)
            for side, (fitted, frame, own) in zip((x, y), learned.sides)
        )
        return self._distance(one, other, learned.rotation)

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's; each activity's covariances are estimated once."""

        def prepared(activity: Activity) -> Gaussians:
            return self._prepared(activity)[1]

        return each_once(
            self,
            activities,
            others,
            of_x=prepared,
            of_y=prepared,
            compared=lambda x, y: self._distance(x, y, self._rotation(x, y)),
            numbers=self._entries,
            progress=progress,
        )

    def _rotation(self, x: Gaussians, y: Gaussians) -> Float[Array, "dimension dimension"]:
        x, y = _equally_wide(x, y)
        c = self.config
        return align(x, y, c.covariance_weight, starts=c.starts, seed=c.seed)

    def _distance(self, x: Gaussians, y: Gaussians, rotation: np.ndarray) -> float:
        return float(np.sqrt(squared_distance(*_equally_wide(x, y), rotation, self.config.covariance_weight)))

    def _entries(self, activity: Activity) -> int:
        dimensions = min(activity.units, self.config.components or activity.units)
        return int(activity.counted.sum()) * dimensions**2

    def _prepared(self, activity: Activity) -> tuple[_Frame, Gaussians]:
        """The frame of an activity, and its averages and covariances in it."""
        trials = Repeated.of(activity)
        means = trials.means()[activity.counted]
        units = activity.units
        axes = np.eye(units)
        if self.config.components is not None and self.config.components < units:
            rows = trials.values[trials.counted] - means.mean(0)
            axes = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, : self.config.components]
        frame = _Frame(means.mean(0), axes, 1.0)
        found = self._gaussians(activity, frame)
        if self.config.normalised:
            scale = float(np.sqrt(found.size(self.config.covariance_weight)))
            if scale == 0:
                raise InvalidInput(
                    f"repeats of {activity.name}", "trials that do not vary", "noise, or averages that differ"
                )
            frame = _Frame(frame.origin, axes, scale)
            found = Gaussians(found.means / scale, found.roots / scale)
        return frame, found

    def _gaussians(self, activity: Activity, frame: _Frame) -> Gaussians:
        """Averages and roots of covariances of each condition and bin with data.

        Raises:
            InvalidInput: more entries than fit into memory, or fewer than two trials of a condition and bin.
        """
        if self._entries(activity) > _MOST_ENTRIES:
            got = f"{int(activity.counted.sum())} conditions and bins of {frame.axes.shape[1]} units: covariances of {self._entries(activity)} numbers"
            raise InvalidInput(
                activity.name, got, f"at most {_MOST_ENTRIES}", "Take components=20, longer bins, or a window."
            )
        trials = Repeated.of(activity).mapped(frame.origin, frame.axes / frame.scale)
        means, covariances = trials.means(), trials.covariances(self.config.shrinkage)
        values, vectors = np.linalg.eigh(covariances[activity.counted])
        return Gaussians(means[activity.counted], vectors * np.sqrt(np.maximum(values, 0))[:, None])


def _equally_wide(x: Gaussians, y: Gaussians) -> tuple[Gaussians, Gaussians]:
    width = max(x.means.shape[1], y.means.shape[1])
    return x.padded(width), y.padded(width)
