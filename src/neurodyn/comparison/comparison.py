"""What comes of comparing some activities: every pair by every measure, and every activity beside a reference with all that gives its number meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from neurodyn.metrics.base import Score


@dataclass(frozen=True, eq=False)
class Compared:
    """All pairs by one measure."""

    measure: str
    """Its name, with the options that differ from the default."""
    definition: str
    direction: Literal["higher", "lower"]
    is_metric: bool
    symmetric: bool
    invariances: tuple[str, ...]
    values: np.ndarray
    """`(activity, activity)`, fitted and scored on the same samples; row x, column y."""
    distances: np.ndarray
    """The same as dissimilarities, what the map and the tree are made of: symmetric, 0 on the diagonal."""


@dataclass(frozen=True, eq=False)
class LagSweep:
    """A measure between a reference and other activities that are shifted in time."""

    lag_s: np.ndarray
    """`(lag,)`: so much later in the other activity than in the reference, from the event that both are aligned to."""
    values: Mapping[str, np.ndarray]
    """`(lag,)` of each activity, fitted and scored on the same samples."""
    used_s: float
    """The lag of everything else, one for all activities."""
    best_s: float
    """The lag at which the activities are most alike to the reference on average; one for all."""
    baseline: float | None = None
    """What the reference's cross-condition average scores, at any lag."""

    @property
    def span(self) -> float:
        """How far the lag alone moves the value: the largest range over lags of any activity."""
        return max(float(np.ptp(each)) for each in self.values.values())

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "lag_s": self.lag_s.tolist(),
            "used_s": self.used_s,
            "best_s": self.best_s,
            "baseline": self.baseline,
            "values": {name: each.tolist() for name, each in self.values.items()},
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """All of it."""

    names: tuple[str, ...]
    """Of the activities, in order."""
    units: tuple[int, ...]
    samples: int
    """Bins with data that all pairs share, at most."""
    reference: str
    """The activity that the others are scored against."""
    measures: Mapping[str, Compared]
    """By label."""
    scores: Sequence[Score] = ()
    """Every other activity against the reference, by every measure: `context` has the names x and y, the `fitted` value, and in words what was `held_out` and how the `ceiling` was found."""
    lags: Mapping[str, LagSweep] = field(default_factory=dict)
    """By measure, where lags were swept."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How activities were prepared: scale, cross-condition mean, window, lag."""
    warnings: Sequence[str] = ()
    """What to keep in mind, in words."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON: numbers that are not finite become null."""
        return {
            "reference": self.reference,
            "activities": [{"name": n, "units": u} for n, u in zip(self.names, self.units)],
            "samples": self.samples,
            "settings": dict(self.settings),
            "measures": {
                label: {
                    "definition": each.definition,
                    "direction": each.direction,
                    "is_metric": each.is_metric,
                    "symmetric": each.symmetric,
                    "invariances": list(each.invariances),
                    "values": [[float(v) if np.isfinite(v) else None for v in row] for row in each.values],
                }
                for label, each in self.measures.items()
            },
            "scores": [score.as_mapping() for score in self.scores],
            "lags": {label: each.as_mapping() for label, each in self.lags.items()},
            "warnings": list(self.warnings),
        }
