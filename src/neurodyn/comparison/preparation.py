"""What is done to activities before they are compared: a scale of their units, and what all conditions share taken out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.comparison.baselines import without_condition_mean
from neurodyn.config import check_choices
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity

Scale = Literal["raw", "zscore", "soft"]
SOFT = 0.1
"""Softening of `soft`, as a share of the largest unit's range."""


@dataclass(frozen=True)
class Preparation:
    """How every activity is prepared, the reference and the others alike. Scales are those over all conditions, held out or not."""

    scale: Scale = "raw"
    """`raw`: as it is, so that units with high rates weigh most; `zscore`: every unit to unit variance; `soft`: every unit divided by its range plus a tenth of the largest unit's range, as is usual for rates of motor cortex."""
    without_mean: bool = False
    """Take out the mean over conditions: what is left is what tells conditions apart."""

    def __post_init__(self) -> None:
        check_choices(self, "comparison")

    def of(self, activity: Activity) -> Activity:
        """The activity, prepared. Single trials are scaled as their averages are.

        Raises:
            InvalidInput: the mean is to be taken out of a single condition.
        """
        if self.scale != "raw":
            samples = activity.samples
            reach = np.ptp(samples, 0)
            size = samples.std(0) if self.scale == "zscore" else reach + SOFT * reach.max()
            # Rounding gives units that stand still a standard deviation of their own.
            gain = np.where(reach > 0, 1 / np.where(reach > 0, size, 1), 0)
            repeats = activity.repeats
            if repeats is not None:
                repeats = dataclasses.replace(repeats, values=repeats.values * gain)
            activity = dataclasses.replace(activity, values=activity.values * gain, repeats=repeats)
        if self.without_mean:
            if activity.rows < 2:
                raise InvalidInput(activity.name, "one condition", "at least two, whose mean is to be taken out")
            activity = without_condition_mean(activity)
        return activity
