"""What is compared: the activity of one population in some conditions over time, whoever produced it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Int


@dataclass(frozen=True, eq=False)
class Repeats:
    """The single trials that conditions are averages of."""

    values: Float[Array, "trial time unit"]
    condition: Int[Array, " trial"]
    """Place of each trial's condition among the averages."""
    mask: Bool[Array, "trial time"]
    """True where a trial has data."""


@dataclass(frozen=True, eq=False)
class Activity:
    """Activity of a recorded population, of a network's units, or of a model's latents: conditions by time by unit, aligned to one event.

    Raises:
        InvalidInput: another number of axes, no condition, bin or unit, values inside the mask or a clock that are not finite, or parts that disagree in shape.
    """

    values: Float[Array, "condition time unit"]
    """Raw rates, potentials or latents: nothing is scaled. Rows may be single trials, where a measure looks at single trials."""
    mask: Bool[Array, "condition time"] | None = None
    """True where there is data; None where all of it is."""
    name: str = "activity"
    bin_s: float | None = None
    """Bin width in seconds, where time means anything."""
    start_s: float = 0.0
    """Time of the first bin from the event that activities are aligned to, in seconds."""
    conditions: tuple[str, ...] | None = None
    """Label of each row; activities whose labels are known must have the same."""
    inputs: Float[Array, "condition time channel"] | None = None
    """What drove the population."""
    repeats: Repeats | None = None
    """Single trials, where `values` are their averages and they are known."""

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or 0 in self.values.shape:
            got = f"shape {self.values.shape}"
            raise InvalidInput(self.name, got, "(condition, time, unit), at least one of each", "See Activity.of.")
        if self.bin_s is not None and not 0 < self.bin_s < np.inf:
            raise InvalidInput(f"bin_s of {self.name}", self.bin_s, "seconds above 0, or None where time means nothing")
        if not np.isfinite(self.start_s):
            raise InvalidInput(f"start_s of {self.name}", self.start_s, "seconds from the event")
        shape = self.values.shape[:2]
        if self.mask is not None and self.mask.shape != shape:
            raise InvalidInput(f"mask of {self.name}", f"shape {self.mask.shape}", f"{shape}, condition by time")
        if self.inputs is not None and self.inputs.shape[:2] != shape:
            got = f"shape {self.inputs.shape}"
            raise InvalidInput(f"inputs of {self.name}", got, f"{(*shape, 'channel')}, as many conditions and bins")
        if self.conditions is not None and len(self.conditions) != shape[0]:
            raise InvalidInput(f"conditions of {self.name}", f"{len(self.conditions)} labels", f"{shape[0]}, one each")
        bad = ~np.isfinite(self.values).all(-1) & self.counted
        if bad.any():
            condition, time = (int(i) for i in np.argwhere(bad)[0])
            got = f"a value that is not finite in condition {condition}, bin {time}"
            raise InvalidInput(self.name, got, "finite values", "Mask what was not recorded.")
        if not self.counted.any():
            raise InvalidInput(f"mask of {self.name}", "no bin with data", "at least one")

    @staticmethod
    def of(values: Activity | np.ndarray, name: str = "activity", **beside: Any) -> Activity:
        """An activity from an array: `(condition, time, unit)`, or `(sample, unit)`, whose rows have no order in time.

        Args:
            values: an activity is returned as it is.
            name: of a new activity.
            beside: its other fields: mask, bin_s and the like.

        Raises:
            InvalidInput: no numbers, or other axes.
        """
        if isinstance(values, Activity):
            return values
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise InvalidInput(name, f"values of type {array.dtype}", "numbers")
        if array.ndim not in (2, 3):
            raise InvalidInput(name, f"shape {array.shape}", "(sample, unit) or (condition, time, unit)")
        array = array.astype(np.float64, copy=False)
        return Activity(array[:, None] if array.ndim == 2 else array, name=name, **beside)

    # -- sizes ------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """Conditions (or trials)."""
        return int(self.values.shape[0])

    @property
    def bins(self) -> int:
        return int(self.values.shape[1])

    @property
    def units(self) -> int:
        return int(self.values.shape[2])

    @cached_property
    def counted(self) -> Bool[Array, "condition time"]:
        """The mask, all true where there is none."""
        return np.ones(self.values.shape[:2], bool) if self.mask is None else self.mask

    @cached_property
    def samples(self) -> Float[Array, "sample unit"]:
        """Bins with data in float64, time fastest, condition slowest; a view where nothing is masked or cast."""
        flat = self.values.reshape(-1, self.units) if self.mask is None else self.values[self.mask]
        return flat.astype(np.float64, copy=False)

    @cached_property
    def varies(self) -> bool:
        """Whether any unit has two values."""
        return bool((self.samples != self.samples[:1]).any())

    @property
    def time_s(self) -> np.ndarray:
        """Time of each bin from the event `(time,)`, in seconds; bins where no width is known."""
        return self.start_s + np.arange(self.bins) * (1.0 if self.bin_s is None else self.bin_s)

    # -- selections -------------------------------------------------------------------------------------------------

    def take(
        self,
        rows: np.ndarray | slice | None = None,
        bins: slice | None = None,
        units: np.ndarray | slice | None = None,
    ) -> Activity:
        """Some conditions, bins and units. Rows and units may come more than once, as a bootstrap draws them; single trials go with their condition."""
        every = slice(None)
        row, bin_, unit = (
            every if rows is None else rows,
            every if bins is None else bins,
            every if units is None else units,
        )
        first = 0 if bins is None else bins.indices(self.bins)[0]
        repeats = self.repeats
        if repeats is not None:
            # A trial comes with its condition, as often as that does.
            if rows is not None:
                condition, trial = np.nonzero(np.arange(self.rows)[row][:, None] == repeats.condition)
                repeats = Repeats(repeats.values[trial], condition, repeats.mask[trial])
            repeats = Repeats(repeats.values[:, bin_][..., unit], repeats.condition, repeats.mask[:, bin_])
        labels = None if self.conditions is None else tuple(np.asarray(self.conditions, object)[row])
        return dataclasses.replace(
            self,
            values=self.values[row][:, bin_][..., unit],
            mask=None if self.mask is None else self.mask[row][:, bin_],
            start_s=self.start_s + first * (1.0 if self.bin_s is None else self.bin_s),
            conditions=labels,
            inputs=None if self.inputs is None else self.inputs[row][:, bin_],
            repeats=repeats,
        )

    def with_values(self, values: np.ndarray, name: str | None = None) -> Activity:
        """Other values in the same conditions and bins, without single trials."""
        return dataclasses.replace(self, values=values, repeats=None, name=self.name if name is None else name)


def check_paired(x: Activity, y: Activity) -> None:
    """That row i of one is row i of the other.

    Raises:
        InvalidInput: different numbers of conditions or of bins, or labels that differ; the message says which.
    """
    for what, own, other in (("conditions", x.rows, y.rows), ("time points", x.bins, y.bins)):
        if own != other:
            fix = (
                "Take the same window of both."
                if what == "time points"
                else "Take the conditions that both have, in one order."
            )
            raise InvalidInput(y.name, f"{other} {what}", f"{own}, as {x.name} has", fix)
    if x.conditions is not None and y.conditions is not None and x.conditions != y.conditions:
        place = next(i for i, (a, b) in enumerate(zip(x.conditions, y.conditions)) if a != b)
        got = f"{y.conditions[place]!r} as condition {place}"
        raise InvalidInput(
            f"conditions of {y.name}", got, f"{x.conditions[place]!r}, as in {x.name}", "Put them into one order."
        )
    if x.bin_s is not None and y.bin_s is not None and not np.isclose(x.bin_s, y.bin_s):
        raise InvalidInput(
            f"bin width of {y.name}", f"{y.bin_s:g} s", f"{x.bin_s:g} s, as {x.name} has", "Bin both alike."
        )


def matched(x: Activity, y: Activity) -> tuple[Activity, Activity]:
    """Two activities with the same conditions and bins, each masked where either is.

    Raises:
        InvalidInput: as `check_paired`, or no bin with data in both.
    """
    check_paired(x, y)
    if x.mask is None and y.mask is None:
        return x, y
    both = x.counted & y.counted
    return dataclasses.replace(x, mask=both), dataclasses.replace(y, mask=both)


def all_of(activities: Sequence[Activity | np.ndarray]) -> list[Activity]:
    """Activities from activities or arrays, each with a name of its own.

    Raises:
        InvalidInput: as `Activity.of`.
    """
    found = [Activity.of(each, f"activity {i}") for i, each in enumerate(activities)]
    names = [each.name for each in found]
    return [
        dataclasses.replace(each, name=f"{each.name} ({names[:i].count(each.name) + 1})")
        if names.count(each.name) > 1
        else each
        for i, each in enumerate(found)
    ]
