"""Mean and spread of the activity around each neuron: of the population, and of the neurons near it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurodyn.data.trials import Trials

_AXES = ("x_um", "y_um", "z_um")


def positions_of(trials: Trials) -> Tensor | None:
    """Positions of the units in micrometres, `(unit, 3)`, in recorded order; None where the unit table has none. A missing depth is 0."""
    table = trials.unit_table
    if not {"x_um", "y_um"} <= set(table.columns):
        return None
    columns = [table[a].to_numpy(np.float32) if a in table else np.zeros(trials.units, np.float32) for a in _AXES]
    return torch.from_numpy(np.stack(columns, 1))


def moments(values: Tensor, known: Tensor, *, without_self: bool) -> tuple[Tensor, Tensor]:
    """Mean and s.d. over units, of the entries that are known, each `(trial, unit, time)`, or with one unit for all where its own value is included.

    Args:
        values: `(trial, unit, time)`, 0 where it is not known.
        known: bool of the same shape.
        without_self: leave out each unit's own value.
    """
    sums = [known.to(values).sum(1, keepdim=True), values.sum(1, keepdim=True), values.square().sum(1, keepdim=True)]
    if without_self:
        sums = [total - own for total, own in zip(sums, (known.to(values), values, values.square()))]
    return _mean_and_deviation(*sums)


def near_moments(values: Tensor, known: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and s.d. over the units near each one, each `(trial, unit, time)`; 0 where there is none.

    Args:
        values, known: `(trial, seen, time)`.
        near: `(unit, seen)`, 1 for the units that count, else 0.
    """
    return _mean_and_deviation(near @ known.to(values), near @ values, near @ values.square())


def within(positions: Tensor, others: Tensor, radius: float) -> Tensor:
    """Which of the others are nearer than a radius, `(unit, other)` of 0 and 1; none where a position is NaN."""
    return (torch.cdist(positions, others) < radius).to(positions)


def _mean_and_deviation(number: Tensor, total: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    count = number.clamp_min(1)
    mean = total / count
    return mean, (square / count - mean.square()).clamp_min(0).sqrt()
