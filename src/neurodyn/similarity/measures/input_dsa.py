"""Dynamical similarity of driven systems: do two activities do the same with their inputs?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity, all_of
from neurodyn.similarity.delay_embedding import DelayCoordinates
from neurodyn.similarity.linear_operator import fitted_step, input_normal_map
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
from neurodyn.similarity.operator_distance import Turned, angle_of, closest_turns, unit
from neurodyn.similarity.orthogonal_search import same_inputs, turned_inputs

System = tuple[np.ndarray, np.ndarray]
"""Operator `(rank, rank)` and input map `(rank, channel)`."""


@dataclass(frozen=True)
class InputDSAConfig:
    """Options of dynamical similarity analysis with inputs."""

    delays: int = 1
    """Bins in a window; more than 1 where the state is not seen in one bin."""
    delay_interval: int = 1
    """Bins from one bin of a window to the next."""
    rank: int | float = 0.999
    """Coordinates that the system is fitted in: a number, or the part of the windows' sum of squares to explain. Both sides have the larger of what each needs. What other inputs moved more is lost if left out."""
    ridge: float = 0.0
    """Penalty on operator and input map, where each coordinate has a sum of squares of 1 over all windows."""
    pca: float | None = None
    """Part of the variance that principal components explain to which activity is reduced before windows are made; None keeps all units."""
    input_lag: int = 1
    """Bins from an input to the first state that it moves; 0 where the input of a bin shows in the activity of the same bin."""
    coordinates: Literal["input_normal", "principal"] = "input_normal"
    """input_normal: those in which white inputs would move all directions alike, a property of the system. principal: principal components, not scaled; for systems seen through the same map up to a rotation."""
    horizon: int = 128
    """Bins over which inputs are followed for the coordinates `input_normal`, rounded up to a power of two."""
    weight: float = 0.5
    """Of the dynamics against the input map, between 0 and 1."""
    rotate_inputs: bool = False
    """Whether input channels of one side may be rotated onto those of the other, instead of being compared one by one."""
    form: Literal["angular", "euclidean"] = "angular"
    """The angle in radians, or the Frobenius norm of the difference, of systems of unit size."""
    starts: int = 24
    """Searches for the change of coordinates, of each pair."""

    def __post_init__(self) -> None:
        check_choices(self, "input_dsa")
        check_delay_options(self, "input_dsa")
        check_range("input_dsa.input_lag", self.input_lag, 0, 1)
        check_range("input_dsa.horizon", self.horizon, 1)
        check_range("input_dsa.weight", self.weight, 0, 1)
        check_range("input_dsa.starts", self.starts, 1)


@dataclass(frozen=True, eq=False)
class AlignedSystems:
    """What was learned: coordinates of each side, and the turn between them."""

    x: DelayCoordinates
    y: DelayCoordinates
    ranks: tuple[int, int]
    """Of x and of y; they differ only where a side has no more coordinates."""
    maps: tuple[System, System]
    """Of each side, the map to its coordinates and its inverse."""
    turned: Turned
    """The best turn found, the floor below which none gets, and the spread of the searches."""


class InputDSA(SimilarityMeasure):
    """Distance between driven linear systems, operator and input map together, after the best orthogonal change of coordinates."""

    Config: ClassVar = InputDSAConfig
    config: InputDSAConfig
    definition = "Distance between the linear systems, operator and input map, that move activity from bin to bin under its inputs, after the best orthogonal change of coordinates; 0 is the same response to any input."
    needs: ClassVar[frozenset[Need]] = frozenset({"time", "inputs"})
    paired = False
    draws = 20

    @property
    def invariances(self) -> frozenset[Invariance]:
        return frozenset({"translation", "scaling", "permutation", "orthogonal"})

    @property
    def is_metric(self) -> bool:
        """No: different activity of the same system is at 0, and ranks that differ between pairs break the triangle inequality."""
        return False

    def learned(self, x: Activity, y: Activity) -> AlignedSystems:
        self._check_inputs(x, y)
        sides = self._coordinates(x), self._coordinates(y)
        ranks = ranks_of(*sides, self.config.rank)
        fitted = [self._fitted(each, side, {rank})[rank] for each, side, rank in zip((x, y), sides, ranks)]
        maps = self._map(fitted[0]), self._map(fitted[1])
        turned = self._turned([(self._weighted(fitted[0], maps[0]), self._weighted(fitted[1], maps[1]))], max(ranks))
        return AlignedSystems(*sides, ranks, maps, turned)

    def value(self, x: Activity, y: Activity, learned: AlignedSystems) -> float:
        self._check_inputs(x, y)
        sides = zip((x, y), (learned.x, learned.y), learned.ranks, learned.maps)
        systems = [self._weighted(self._fitted(each, side, {rank})[rank], to) for each, side, rank, to in sides]
        turn = learned.turned.turn[0]
        (a, p), (b, q) = (_filled(system, len(turn)) for system in systems)
        moved = turn @ q
        if self.config.rotate_inputs:
            left, _, right = np.linalg.svd(moved.T @ p, full_matrices=False)
            moved = moved @ left @ right
        apart = np.hypot(np.linalg.norm(a - turn @ b @ turn.T), np.linalg.norm(p - moved))
        return float(self._in_form(np.array([apart]))[0])

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
            self._check_inputs(first[0], each)
        rows = [self._coordinates(each) for each in first]
        columns = rows if others is None else [self._coordinates(each) for each in second]
        ranks = [[ranks_of(x, y, self.config.rank) for y in columns] for x in rows]
        left = [self._systems(each, side, {x for x, _ in row}) for each, side, row in zip(first, rows, ranks)]
        if others is None:
            right = left
        else:
            turned = zip(second, columns, zip(*ranks))
            right = [self._systems(each, side, {y for _, y in column}) for each, side, column in turned]

        def compared(pairs: list[tuple[int, int]]) -> np.ndarray:
            found = [(left[i][ranks[i][j][0]], right[j][ranks[i][j][1]]) for i, j in pairs]
            apart = np.zeros(len(found))
            for size, places in by_size([max(len(x[0]), len(y[0])) for x, y in found]).items():
                apart[places] = self._turned([found[place] for place in places], size, device).apart
            return self._in_form(apart)

        shape = len(rows), len(columns)
        return in_batches(shape, compared, self.label, mirrored=others is None, progress=progress)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _check_inputs(self, x: Activity, y: Activity) -> None:
        check_bins(x, y)
        assert x.inputs is not None and y.inputs is not None
        channels, others = x.inputs.shape[2], y.inputs.shape[2]
        if channels != others:
            fix = "Give both the channels that they share, in one order."
            raise InvalidInput(f"inputs of {y.name}", f"{others} channels", f"{channels}, as {x.name} has", fix)

    def _coordinates(self, activity: Activity) -> DelayCoordinates:
        return coordinates_of(activity, self.config, centred=True)

    def _fitted(self, activity: Activity, coordinates: DelayCoordinates, ranks: set[int]) -> dict[int, System]:
        """The system at each rank, in principal components: windows are not scaled to unit variance, which would depend on what the inputs happened to be."""
        sums = sums_of(activity, coordinates, max(ranks), constant=True, input_lag=self.config.input_lag)
        found = {}
        for rank in ranks:
            step = fitted_step(sums, rank, self.config.ridge)
            sizes = coordinates.sizes[:rank, None] / coordinates.sizes[0]
            found[rank] = (sizes * step.operator / sizes.T, sizes * step.drive)
        return found

    def _map(self, system: System) -> System:
        if self.config.coordinates == "principal":
            return np.eye(len(system[0])), np.eye(len(system[0]))
        return input_normal_map(*system, self.config.horizon)

    def _weighted(self, system: System, to: System) -> System:
        """In the given coordinates, each part of the norm that its weight gives."""
        (a, b), (there, back), weight = system, to, self.config.weight
        return np.sqrt(weight) * unit(there @ a @ back), np.sqrt(1 - weight) * unit(there @ b)

    def _systems(self, activity: Activity, coordinates: DelayCoordinates, ranks: set[int]) -> dict[int, System]:
        fitted = self._fitted(activity, coordinates, ranks)
        return {rank: self._weighted(system, self._map(system)) for rank, system in fitted.items()}

    def _turned(self, pairs: Sequence[tuple[System, System]], size: int, device: str = "cpu") -> Turned:
        first, second = ([_filled(pair[side], size) for pair in pairs] for side in (0, 1))
        (a, p), (b, q) = ((np.stack(part) for part in zip(*side)) for side in (first, second))
        pull = turned_inputs if self.config.rotate_inputs else same_inputs
        return closest_turns(a, b, p, q, pull=pull, starts=self.config.starts, device=device)

    def _in_form(self, apart: np.ndarray) -> np.ndarray:
        return angle_of(apart) if self.config.form == "angular" else apart


def _filled(system: System, size: int) -> System:
    """With zeros for the states that it lacks."""
    a, b = system
    more = size - len(a)
    return np.pad(a, (0, more)), np.pad(b, ((0, more), (0, 0)))
