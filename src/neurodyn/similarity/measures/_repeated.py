"""Single trials of an activity: their averages and what they scatter about them, cell by cell (a condition in a bin)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float, Int
from neurodyn.similarity.activity import Activity


@dataclass(frozen=True, eq=False)
class Repeated:
    """Single trials within an activity's mask, in float64."""

    values: Float[Array, "trial time unit"]
    """0 where a trial does not count."""
    counted: Bool[Array, "trial time"]
    condition: Int[Array, " trial"]
    rows: int
    """Conditions."""

    @staticmethod
    def of(activity: Activity, least: int = 2) -> Repeated:
        """The trials of an activity.

        Raises:
            InvalidInput: trials of another shape than the averages, conditions that do not exist, values that are not finite, or fewer than `least` trials where there is data.
        """
        repeats = activity.repeats
        if repeats is None:
            raise InvalidInput(activity.name, "no single trials", "Activity(repeats=...)")
        field = f"repeats of {activity.name}"
        if repeats.values.shape[1:] != activity.values.shape[1:] or repeats.mask.shape != repeats.values.shape[:2]:
            got = f"shape {repeats.values.shape}, mask {repeats.mask.shape}"
            raise InvalidInput(field, got, f"(trial, {activity.bins}, {activity.units}) and (trial, {activity.bins})")
        condition = repeats.condition
        if len(condition) != len(repeats.values) or not np.isin(condition, np.arange(activity.rows)).all():
            raise InvalidInput(
                field, "a condition that does not exist", f"0 to {activity.rows - 1} for each of {len(repeats.values)}"
            )
        counted = repeats.mask & activity.counted[condition]
        if not np.isfinite(repeats.values).all(-1)[counted].all():
            raise InvalidInput(field, "values that are not finite", "finite values", "Mask what was not recorded.")
        values = repeats.values.astype(np.float64, copy=False)
        found = Repeated(
            values if counted.all() else np.where(counted[..., None], values, 0), counted, condition, activity.rows
        )
        few = activity.counted & (found.number() < least)
        if few.any():
            row, bin_ = (int(i) for i in np.argwhere(few)[0])
            got = f"{int(found.number()[row, bin_])} trials of condition {row} in bin {bin_}"
            raise InvalidInput(field, got, f"at least {least}", "Leave the condition out, or mask the bin.")
        return found

    def number(self, chosen: np.ndarray | None = None) -> Int[Array, "condition time"]:
        """Trials that count in each cell, of those chosen `(trial,)`."""
        found = np.zeros((self.rows, self.counted.shape[1]), int)
        np.add.at(found, self.condition, self.counted if chosen is None else self.counted & chosen[:, None])
        return found

    def means(self, chosen: np.ndarray | None = None) -> Float[Array, "condition time unit"]:
        """Averages over trials, of those chosen `(trial,)`; 0 where there is none."""
        total = np.zeros((self.rows, *self.values.shape[1:]))
        for row in range(self.rows):
            own = self.condition == row
            total[row] = self.values[own if chosen is None else own & chosen].sum(0)
        return np.asarray(total / np.maximum(self.number(chosen), 1)[..., None])

    def scatter(self) -> Float[Array, "sample unit"]:
        """What trials differ by from the average of their cell, bins that count."""
        return np.asarray((self.values - self.means()[self.condition])[self.counted])

    def covariances(self, shrinkage: float | None) -> Float[Array, "condition time unit unit"]:
        """Unbiased covariance of each cell's trials, a share of which is replaced by a sphere of the same variance; 0 where there are fewer than two trials.

        Args:
            shrinkage: that share; None takes for each cell what Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4, find best.
        """
        means, number, units = self.means(), self.number(), self.values.shape[2]
        found = np.empty((*means.shape, units))
        for row in range(self.rows):
            own = self.condition == row
            scatter = (self.values[own] - means[row]) * self.counted[own][..., None]
            products = np.einsum("kti,ktj->tij", scatter, scatter, optimize=True)
            share = np.full(len(products), shrinkage)
            if shrinkage is None:
                share = _ledoit_wolf(products, (scatter**2).sum(2), number[row])
            sphere = np.trace(products, axis1=1, axis2=2)[:, None, None] / units * np.eye(units)
            mixed = (1 - share)[:, None, None] * products + share[:, None, None] * sphere
            found[row] = mixed / np.maximum(number[row] - 1, 1)[:, None, None]
        return found

    def mapped(self, origin: np.ndarray, axes: Float[Array, "unit dimension"]) -> Repeated:
        """The trials from an origin `(unit,)` on, along some axes."""
        values = (self.values - origin) @ axes
        return replace(self, values=values if self.counted.all() else np.where(self.counted[..., None], values, 0))

    def averaged(self) -> Repeated:
        """Each trial's average over its bins as its only bin; trials without any do not count."""
        number = self.counted.sum(1, keepdims=True)
        values = self.values.sum(1, keepdims=True) / np.maximum(number, 1)[..., None]
        return Repeated(values, number > 0, self.condition, self.rows)


def _ledoit_wolf(
    products: Float[Array, "cell unit other_unit"], squares: Float[Array, "trial cell"], number: np.ndarray
) -> np.ndarray:
    """The share of a sphere that brings each cell's covariance closest to the true one on average, `(cell,)`.

    Args:
        products: sums over trials of centred trials' outer products.
        squares: sum over units of squares of each centred trial, 0 where it does not count.
        number: trials of each cell.
    """
    number, units = np.maximum(number, 1), products.shape[1]
    covariances = products / number[:, None, None]
    size = (covariances**2).sum((1, 2))
    from_sphere = size - np.trace(covariances, axis1=1, axis2=2) ** 2 / units
    error = ((squares**2).sum(0) / number - size) / number
    return np.asarray(np.clip(error / np.where(from_sphere > 0, from_sphere, 1), 0, 1) * (from_sphere > 0))
