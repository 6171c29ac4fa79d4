"""Trials of several sessions arranged by condition, as many of each: what is compared when no trial of one session belongs to a trial of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float


@dataclass(frozen=True)
class MatchedTrials:
    """One session's trials by condition; trials of equal place in two sessions are paired."""

    values: Float[Array, "condition trial time dimension"]
    """Latents, principal components, ...; 0 outside the mask."""
    mask: Bool[Array, "condition trial time"]
    """True where there is data."""

    def take(self, trials: slice) -> MatchedTrials:
        """Some of every condition's trials."""
        return MatchedTrials(self.values[:, trials], self.mask[:, trials])

    @property
    def trials(self) -> int:
        """Trials of every condition."""
        return int(self.values.shape[1])


def match_targets(
    values: Sequence[np.ndarray],
    conditions: Sequence[np.ndarray],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    seed: int = 0,
) -> list[MatchedTrials]:
    """The same number of trials of every condition that all sessions have, in an order drawn anew for each session.

    The number is the smallest over sessions and conditions; windows are cut to the shortest session's.

    Args:
        values: `(trial, time, dimension)` of each session.
        conditions: `(trial,)` of each session, one label a trial.
        masks: bool `(trial, time)` of each session; all bins by default.
        seed: of the draw.

    Raises:
        InvalidInput: no condition that all sessions have.
    """
    shared = sorted(set.intersection(*(set(np.unique(each).tolist()) for each in conditions)))
    if not shared:
        raise InvalidInput("conditions", [np.unique(each).tolist() for each in conditions], "one in every session")
    number = min(int((each == condition).sum()) for each in conditions for condition in shared)
    bins = min(each.shape[1] for each in values)
    generator = np.random.default_rng(seed)
    matched = []
    for place, (own, labels) in enumerate(zip(values, conditions)):
        given = None if masks is None else masks[place]
        mask = np.ones(own.shape[:2], bool) if given is None else given
        rows = np.stack([generator.permutation(np.flatnonzero(labels == c))[:number] for c in shared])
        kept = mask[rows, :bins]
        matched.append(MatchedTrials(np.where(kept[..., None], own[rows, :bins], 0), kept))
    return matched


def paired_rows(x: MatchedTrials, y: MatchedTrials) -> tuple[np.ndarray, np.ndarray]:
    """The bins that both trials of a pair have, one below the other: `(row, dimension)` of x and of y."""
    both = x.mask & y.mask
    return x.values[both], y.values[both]
