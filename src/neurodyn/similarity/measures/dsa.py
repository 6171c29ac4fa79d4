"""Dynamical similarity analysis: are two activities moved by the same dynamics, whatever their geometry?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity, all_of
from neurodyn.similarity.delay_embedding import DelayCoordinates
from neurodyn.similarity.linear_operator import fitted_step
from neurodyn.similarity.measures._delayed import (
    by_size,
    check_bins,
    check_delay_options,
    coordinates_of,
    in_batches,
    ranks_of,
    sums_of,
)
from neurodyn.similarity.measures.base import Invariance, Need, SimilarityMeasure
from neurodyn.similarity.operator_distance import Turned, angle_of, closest_turns, matched_eigenvalues, unit


@dataclass(frozen=True)
class DSAConfig:
    """Options of dynamical similarity analysis."""

    delays: int = 10
    """Bins in a window; a window is what stands for the state."""
    delay_interval: int = 1
    """Bins from one bin of a window to the next."""
    rank: int | float = 0.99
    """Coordinates that the dynamics are fitted in: a number, or the part of the windows' sum of squares to explain. Both sides have the larger of what each needs."""
    ridge: float = 0.0
    """Penalty on the operator, where each coordinate has a sum of squares of 1 over all windows."""
    pca: float | None = None
    """Part of the variance that principal components explain to which activity is reduced before windows are made; None keeps all units."""
    comparison: Literal["procrustes", "eigenvalues"] = "procrustes"
    """procrustes: operators after the best orthogonal change of coordinates. eigenvalues: sets of eigenvalues after the best matching; fast, and blind to how modes overlap."""
    form: Literal["angular", "euclidean"] = "angular"
    """Of procrustes: the angle in radians, or the Frobenius norm of the difference, of operators of unit norm."""
    starts: int = 24
    """Searches for the change of coordinates, of each pair."""
    mode: Literal["default", "release"] = "default"
    """release: nothing is centred, each side has a rank of its own, and eigenvalues give the squared distance, as in the published code."""

    def __post_init__(self) -> None:
        check_choices(self, "dsa")
        check_delay_options(self, "dsa")
        check_range("dsa.starts", self.starts, 1)


@dataclass(frozen=True, eq=False)
class AlignedDynamics:
    """What was learned: the coordinates of each side, and the turn between them."""

    x: DelayCoordinates
    y: DelayCoordinates
    ranks: tuple[int, int]
    """Of x and of y; they differ where a side has no more coordinates, and in mode release. The smaller operator is then filled up with zeros."""
    turned: Turned | None
    """The best turn found, the floor below which none gets, and the spread of the searches (`Turned`); None where eigenvalues are compared."""


class DSA(SimilarityMeasure):
    """Distance between linear maps from each state to the next, states being windows in principal coordinates, after the best orthogonal change of coordinates."""

    Config: ClassVar = DSAConfig
    config: DSAConfig
    definition = "Distance between the linear operators that move delay-embedded activity from bin to bin: the angle after the best orthogonal change of coordinates, or between sets of eigenvalues; 0 is the same dynamics."
    needs: ClassVar[frozenset[Need]] = frozenset({"time"})
    paired = False
    draws = 10

    @property
    def invariances(self) -> frozenset[Invariance]:
        kept: frozenset[Invariance] = frozenset({"scaling", "permutation", "orthogonal"})
        return kept if self.config.mode == "release" else kept | {"translation"}

    @property
    def is_metric(self) -> bool:
        """No: different activity of the same dynamics is at 0, and ranks that differ between pairs break the triangle inequality."""
        return False

    def learned(self, x: Activity, y: Activity) -> AlignedDynamics:
        check_bins(x, y)
        sides = self._coordinates(x), self._coordinates(y)
        ranks = self._ranks(*sides)
        if self.config.comparison == "eigenvalues":
            return AlignedDynamics(*sides, ranks, None)
        a, b = (self._dynamics(each, side, {rank})[rank] for each, side, rank in zip((x, y), sides, ranks))
        size = max(ranks)
        turned = closest_turns(_filled([a], size), _filled([b], size), starts=self.config.starts)
        return AlignedDynamics(*sides, ranks, turned)

    def value(self, x: Activity, y: Activity, learned: AlignedDynamics) -> float:
        check_bins(x, y)
        sides = zip((x, y), (learned.x, learned.y), learned.ranks)
        a, b = (self._dynamics(each, side, {rank})[rank] for each, side, rank in sides)
        if learned.turned is None:
            return float(self._between_eigenvalues([(a, b)])[0])
        turn, size = learned.turned.turn, max(learned.ranks)
        left = _filled([a], size) - turn @ _filled([b], size) @ turn.transpose(0, 2, 1)
        return float(self._in_form(np.linalg.norm(left, axis=(1, 2)))[0])

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's; each activity is embedded once, and the searches of many pairs run side by side."""
        first = all_of(activities)
        second = first if others is None else all_of(others)
        for each in first if others is None else [*first, *second]:
            self.checked(each, each)
            check_bins(first[0], each)
        rows = [self._coordinates(each) for each in first]
        columns = rows if others is None else [self._coordinates(each) for each in second]
        ranks = [[self._ranks(x, y) for y in columns] for x in rows]
        left = [self._dynamics(each, side, {x for x, _ in row}) for each, side, row in zip(first, rows, ranks)]
        if others is None:
            right = left
        else:
            turned = zip(second, columns, zip(*ranks))
            right = [self._dynamics(each, side, {y for _, y in column}) for each, side, column in turned]

        def compared(pairs: list[tuple[int, int]]) -> np.ndarray:
            found = [(left[i][ranks[i][j][0]], right[j][ranks[i][j][1]]) for i, j in pairs]
            return self._between_eigenvalues(found) if self._by_eigenvalues else self._between_operators(found, device)

        shape = len(rows), len(columns)
        return in_batches(shape, compared, self.label, mirrored=others is None, progress=progress)

    # -- parts ------------------------------------------------------------------------------------------------------

    @property
    def _released(self) -> bool:
        return self.config.mode == "release"

    @property
    def _by_eigenvalues(self) -> bool:
        return self.config.comparison == "eigenvalues"

    def _coordinates(self, activity: Activity) -> DelayCoordinates:
        return coordinates_of(activity, self.config, centred=not self._released)

    def _ranks(self, x: DelayCoordinates, y: DelayCoordinates) -> tuple[int, int]:
        return ranks_of(x, y, self.config.rank, own=self._released)

    def _dynamics(self, activity: Activity, coordinates: DelayCoordinates, ranks: set[int]) -> dict[int, np.ndarray]:
        """What is compared of an activity, at each rank: its operator `(rank, rank)` of unit norm, or its eigenvalues `(rank,)`."""
        sums = sums_of(activity, coordinates, max(ranks), constant=not self._released)
        operators = {rank: fitted_step(sums, rank, self.config.ridge).operator for rank in ranks}
        compare = np.linalg.eigvals if self._by_eigenvalues else unit
        return {rank: np.asarray(compare(operator)) for rank, operator in operators.items()}

    def _between_eigenvalues(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        squared = np.array([matched_eigenvalues(*_filled_sets(a, b)) for a, b in pairs])
        return squared if self._released else np.sqrt(squared)

    def _between_operators(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], device: str) -> np.ndarray:
        apart = np.zeros(len(pairs))
        for size, places in by_size([max(len(a), len(b)) for a, b in pairs]).items():
            a, b = (_filled([pairs[place][side] for place in places], size) for side in (0, 1))
            apart[places] = closest_turns(a, b, starts=self.config.starts, device=device).apart
        return self._in_form(apart)

    def _in_form(self, apart: np.ndarray) -> np.ndarray:
        return angle_of(apart) if self.config.form == "angular" else apart


def _filled(operators: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Operators with zeros below and to the right, stacked `(operator, size, size)`."""
    return np.stack([np.pad(each, (0, size - len(each))) for each in operators])


def _filled_sets(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of eigenvalues, the smaller one with zeros."""
    size = max(len(a), len(b))
    return np.pad(a, (0, size - len(a))), np.pad(b, (0, size - len(b)))
