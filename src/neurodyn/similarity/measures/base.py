"""What every measure of similarity is: what it forgives, what it takes, and how it is fitted to some samples and scored on any."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.similarity.activity import Activity, all_of, matched

Invariance = Literal["translation", "scaling", "permutation", "orthogonal", "linear"]
"""What may be done to the units of either side without changing the value: add a constant to each, multiply all by one positive number, reorder them, rotate or
reflect them, map them by any invertible matrix. Each of the last three includes those before it."""
INVARIANCES: tuple[Invariance, ...] = get_args(Invariance)
Need = Literal["time", "inputs", "repeats"]
"""What a measure takes besides samples: their order in time, what drove the populations, single trials of each condition."""

_WITHOUT: Mapping[Need, tuple[str, str]] = {
    "time": ("samples without an order in time", "Give (condition, time, unit)."),
    "inputs": ("no inputs", "Give Activity(inputs=...), or take a measure without inputs."),
    "repeats": ("no single trials", "Condition averages have none: take another measure."),
}
"""What an activity has instead of what is needed, and what to do about it."""


class SimilarityMeasure(ABC):
    """How alike two activities are. One file each, with its options in `Config`.

    A measure learns what it aligns with from some samples (`fit`) and is scored on the same or on others; what learns nothing is merely computed.
    """

    Config: ClassVar[type[Any]]
    definition: ClassVar[str]
    """One sentence, stored with every score."""
    needs: ClassVar[frozenset[Need]] = frozenset()
    paired: ClassVar[bool] = True
    """Whether row i of one side belongs to row i of the other; if not, numbers of conditions and bins may differ."""
    symmetric: ClassVar[bool] = True
    """Whether x against y is y against x; where it is not, x is what the other side is explained by."""
    draws: ClassVar[int] = 200
    """Bootstrap draws that its intervals are made of; fewer for what takes long."""
    config: Any

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """Which values say that two activities are more alike."""
        return "lower"

    @property
    @abstractmethod
    def invariances(self) -> frozenset[Invariance]:
        """What it forgives, with its options."""

    @property
    @abstractmethod
    def is_metric(self) -> bool:
        """Whether it is zero only between activities that its invariances make equal, symmetric, and obeys the triangle inequality, on the samples it was fitted to."""

    @property
    def learns(self) -> bool:
        """Whether `fit` learns anything that `score` needs on other samples."""
        return type(self).learned is not SimilarityMeasure.learned

    @property
    def label(self) -> str:
        """Its name, with the options that differ from the default."""
        default = self.Config()
        changed = [f"{k}={v}" for k, v in vars(self.config).items() if v != getattr(default, k)]
        return ":".join([registry.name_of(type(self)), *changed])

    def chance(self, samples: int, x_units: int, y_units: int) -> float | None:
        """What independent Gaussian activities of that size score on average, where a formula is known."""
        return None

    def as_distance(self, values: np.ndarray) -> np.ndarray:
        """Values as dissimilarities, 0 for what is most alike."""
        return values

    def as_cosine(self, values: np.ndarray) -> np.ndarray | None:
        """Values as cosines or correlations, 1 for what is most alike, for the extrapolation of noise ceilings; None where that means nothing."""
        return None

    def from_cosine(self, cosines: np.ndarray) -> np.ndarray:
        """The reverse of `as_cosine`; by default cosines are values as they are."""
        return cosines

    # -- what it does -----------------------------------------------------------------------------------------------

    def fit(self, x: Activity | np.ndarray, y: Activity | np.ndarray) -> Fitted:
        """Learns what it aligns the two with, from these samples.

        Args:
            x, y: activities, or arrays `(condition, time, unit)` or `(sample, unit)`.

        Raises:
            InvalidInput: different numbers of conditions or time points, values that are not finite, a side that does not vary, or what the measure cannot take.
        """
        x, y = self.checked(x, y)
        return Fitted(self, x, y, self.learned(x, y))

    def learned(self, x: Activity, y: Activity) -> Any:
        """Means, maps and the like, from samples to be fitted to; nothing by default."""
        return None

    @abstractmethod
    def value(self, x: Activity, y: Activity, learned: Any) -> float:
        """The value on some samples, with what was learned from these or others."""

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """The value of every pair, fitted and scored on the same samples.

        Args:
            activities: one side.
            others: the other; by default the same ones, and the diagonal is computed too.
            progress: draw a progress bar on stderr.
            device: where measures that are computed in batches do so (`cpu`, `cuda`).

        Raises:
            InvalidInput: as `fit`.
        """
        from rich.console import Console
        from rich.progress import track

        first = all_of(activities)
        second = first if others is None else all_of(others)
        mirrored = others is None and self.symmetric
        found = np.zeros((len(first), len(second)))
        pairs = list(product(range(len(first)), range(len(second))))
        if mirrored:
            pairs = [*combinations(range(len(first)), 2), *((i, i) for i in range(len(first)))]
        for i, j in track(pairs, self.label, console=Console(stderr=True), disable=not progress, transient=True):
            found[i, j] = self.fit(first[i], second[j]).score()
            if mirrored:
                found[j, i] = found[i, j]
        return found

    def checked(self, x: Activity | np.ndarray, y: Activity | np.ndarray) -> tuple[Activity, Activity]:
        """Both sides, with what the measure needs, rows matched where it takes pairs.

        Raises:
            InvalidInput: as `fit`.
        """
        x, y = Activity.of(x, "x"), Activity.of(y, "y")
        name = registry.name_of(type(self))
        for side in (x, y):
            missing = {"time": side.bins < 2, "inputs": side.inputs is None, "repeats": side.repeats is None}
            for need in sorted(self.needs):
                if missing[need]:
                    said, fix = _WITHOUT[need]
                    raise InvalidInput(side.name, f"{said}, which {name} needs", f"{need} for the measure", fix)
        x, y = matched(x, y) if self.paired else (x, y)
        for side in (x, y):
            if not side.varies:
                raise InvalidInput(side.name, "units that do not vary", "at least one that does")
        return x, y


@dataclass(frozen=True, eq=False)
class Fitted:
    """A measure with what it learned from some samples."""

    measure: SimilarityMeasure
    x: Activity
    y: Activity
    learned: Any

    def score(self, x: Activity | np.ndarray | None = None, y: Activity | np.ndarray | None = None) -> float:
        """The value on the samples it was fitted to, or on others.

        Args:
            x, y: other samples of the same units, both or none.

        Raises:
            InvalidInput: one side alone, another number of units, or as `fit`.
        """
        if x is None and y is None:
            return self.measure.value(self.x, self.y, self.learned)
        if x is None or y is None:
            raise InvalidInput("x" if x is None else "y", "none", "other samples of both sides, or of none")
        x, y = self.measure.checked(x, y)
        for name, other, own in (("x", x, self.x), ("y", y, self.y)):
            if other.units != own.units:
                raise InvalidInput(name, f"{other.units} units", f"{own.units}, as it was fitted to")
        return self.measure.value(x, y, self.learned)
