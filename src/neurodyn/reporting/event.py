"""What the trials of a task are aligned to, where their timing differs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from neurodyn.data.trials import Trials

EVENTS = ("onset_bin", "output_bin", "go_bin", "off_bin", "cue_bin")
"""Columns of the trial table that trials are aligned to: the first that is there."""


@dataclass(frozen=True, eq=False)
class Event:
    """An event of every trial, or its start."""

    name: str
    """Of the event; empty for a trial's start."""
    at: np.ndarray
    """Bin of the event in each trial, `(trial,)`."""
    offsets: np.ndarray
    """Bins from the event that are kept, `(time,)`."""
    mask: np.ndarray
    """The trials' mask `(trial, time)`."""

    @staticmethod
    def of(trials: Trials) -> Event:
        """The event of a task's trials, and the bins around it that all of them have; recorded trials, and those without an event, are aligned as they are."""
        column = next((name for name in EVENTS if trials.neural_name is None and name in trials.table), None)
        if column is None:
            return Event("", np.zeros(len(trials), int), np.arange(trials.bins), trials.mask)
        at = trials.table[column].to_numpy(int)
        whole = Event(column.removesuffix("_bin"), at, np.arange(-at.max(), trials.bins - at.min()), trials.mask)
        return dataclasses.replace(whole, offsets=whole.offsets[whole.bins(np.arange(len(trials)))[1].all(0)])

    def bins(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bin of some trials at each offset, and whether the trial has it, both `(row, time)`."""
        bins = self.at[rows, None] + self.offsets
        inside = (bins >= 0) & (bins < self.mask.shape[1])
        bins = np.clip(bins, 0, self.mask.shape[1] - 1)
        return bins, inside & self.mask[rows[:, None], bins]

    def aligned(self, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Values `(trial, time, ...)` of some trials at each offset, `(row, time, ...)`; NaN where a trial has none."""
        bins, inside = self.bins(rows)
        inside = inside.reshape(*inside.shape, *[1] * (values.ndim - 2))
        return np.where(inside, values[rows[:, None], bins], np.nan)
