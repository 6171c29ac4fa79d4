"""Condition averages: what a population does on average in each condition, aligned to an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class PSTH:
    """Mean activity of every condition, in expected counts per bin.

    Raises:
        InvalidInput: as many conditions as there are not averages, or the same one twice.
    """

    rates: np.ndarray
    """`(condition, time, unit)` over the observed bins, units in recorded order; NaN in bins that a condition does not reach."""
    conditions: tuple[str, ...]
    """Label of each, as in the column `condition` of the trial table."""

    def __post_init__(self) -> None:
        if self.rates.ndim != 3 or len(self.rates) != len(self.conditions):
            raise InvalidInput(
                "psth", f"shape {self.rates.shape} for {len(self.conditions)} conditions", "(condition, time, unit)"
            )
        if len(set(self.conditions)) < len(self.conditions):
            raise InvalidInput("psth conditions", list(self.conditions), "a different label for each")

    def rows(self, labels: np.ndarray | list[str]) -> list[np.ndarray]:
        """For each condition, the places of its trials among `labels` `(trial,)`."""
        given = np.asarray([str(label) for label in labels], dtype=object)
        return [np.flatnonzero(given == condition) for condition in self.conditions]
