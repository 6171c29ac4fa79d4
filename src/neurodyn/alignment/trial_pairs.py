"""Which trials belong together: across subjects, within a subject, and between a trial's activity and what went with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.trial_correlation import Centring, TrialSeries, trial_correlations

Column = Literal["stimulus", "condition"]


@dataclass(frozen=True, eq=False)
class TrialPairs:
    """Two sets of trials, which of their combinations belong together, and how alike these are."""

    name: str
    subjects: tuple[str, ...]
    """Subjects they come from."""
    sides: tuple[str, str]
    """Names of the two sets; a set's labels are permuted in the same way wherever it stands."""
    paired: np.ndarray
    """Bool `(trial, other trial)`."""
    unpaired: np.ndarray
    """Bool `(trial, other trial)`: known not to belong together."""
    row: np.ndarray
    """Int `(trial,)`: the alignment's row of each trial; a combination counts to that of its first trial."""
    other_row: np.ndarray
    """Int `(other trial,)`."""
    r: np.ndarray
    """`(trial, other trial)`: correlations; NaN where the trials share no bin."""


def matched_by(alignment: Alignment) -> Column | None:
    """The column that pairs trials across subjects: `stimulus` where subjects to compare share one, else `condition`; None where they share neither."""
    for column in ("stimulus", "condition"):
        if any(_shared(a, b, column) for a, b in _candidates(alignment)):
            return column
    return None


def repeated_by(alignment: Alignment) -> Column | None:
    """The column whose values repeat within a scored subject: `stimulus`, else `condition`; None where nothing repeats."""
    for column in ("stimulus", "condition"):
        if any(_repeats(s, column) for s in alignment.scored):
            return column
    return None


def across_subjects(alignment: Alignment, centring: Centring, active_only: bool) -> list[TrialPairs]:
    """Every pair of subjects that share a stimulus (or condition): pairs with a zero-shot subject where there is one, else all.

    The zero-shot subject of a pair is its first; of two alike, the one that comes first in the alignment.
    """
    column = matched_by(alignment)
    assert column is not None

    def make() -> list[TrialPairs]:
        series = {s.name: _series(alignment, s, s.latents, centring, active_only) for s in alignment.subjects.values()}
        found = []
        for a, b in _candidates(alignment):
            if not _shared(a, b, column):
                continue
            labels, others = a.labels(column)[:, None], b.labels(column)[None]
            known, same = (labels != "") & (others != ""), labels == others
            rows = alignment.rows[a.name], alignment.rows[b.name]
            r = trial_correlations(series[a.name], series[b.name])
            both = (a.name, b.name)
            found.append(TrialPairs(" / ".join(both), both, both, known & same, known & ~same, *rows, r))
        return found

    return alignment.kept(("across_subjects", centring, _narrowed(alignment, active_only)), make)


def within_subjects(alignment: Alignment, centring: Centring, active_only: bool) -> list[TrialPairs]:
    """Each scored subject with itself: different trials of one stimulus (or condition) against trials of different ones."""
    column = repeated_by(alignment)
    assert column is not None

    def make() -> list[TrialPairs]:
        found = []
        for s in alignment.scored:
            if not _repeats(s, column):
                continue
            labels = s.labels(column)
            known, same = (labels != "")[:, None] & (labels != "")[None], labels[:, None] == labels[None]
            series = _series(alignment, s, s.latents, centring, active_only)
            paired, row = known & same & ~np.eye(len(labels), dtype=bool), alignment.rows[s.name]
            r = trial_correlations(series, series)
            found.append(TrialPairs(s.name, (s.name,), (s.name, s.name), paired, known & ~same, row, row, r))
        return found

    return alignment.kept(("within_subjects", centring, _narrowed(alignment, active_only)), make)


def across_modalities(
    alignment: Alignment, centring: Centring, active_only: bool, *, repeats_unpaired: bool = False
) -> list[TrialPairs]:
    """Each scored subject's latents of activity against those of each other modality: a trial belongs to itself.

    Trials of one stimulus are neither paired nor unpaired, unless `repeats_unpaired` (as published).
    """

    def make() -> list[TrialPairs]:
        found = []
        for s in alignment.scored:
            activity = _series(alignment, s, s.latents, centring, active_only)
            stimulus, itself = s.labels("stimulus"), np.eye(len(s.trials), dtype=bool)
            repeat = (stimulus != "")[:, None] & (stimulus[:, None] == stimulus[None])
            row = alignment.rows[s.name]
            for name, latents in s.beside.items():
                other = _series(alignment, s, latents, centring, active_only)
                r = trial_correlations(activity, other)
                unpaired = ~itself if repeats_unpaired else ~itself & ~repeat
                said = f"{s.name}, {name}"
                found.append(TrialPairs(said, (s.name,), (s.name, said), itself, unpaired, row, row, r))
        return found

    return alignment.kept(("across_modalities", centring, _narrowed(alignment, active_only), repeats_unpaired), make)


def _candidates(alignment: Alignment) -> Iterator[tuple[AlignedSubject, AlignedSubject]]:
    novel = any(s.zero_shot for s in alignment.subjects.values())
    for a, b in combinations(alignment.subjects.values(), 2):
        if not novel or a.zero_shot or b.zero_shot:
            yield (b, a) if b.zero_shot and not a.zero_shot else (a, b)


def _shared(a: AlignedSubject, b: AlignedSubject, column: Column) -> bool:
    return bool((set(a.labels(column)) & set(b.labels(column))) - {""})


def _repeats(s: AlignedSubject, column: Column) -> bool:
    labels = s.labels(column)
    labels = labels[labels != ""]
    return len(np.unique(labels)) < len(labels)


def _narrowed(alignment: Alignment, active_only: bool) -> bool:
    return active_only and not bool(alignment.active.all())


def _series(
    alignment: Alignment, s: AlignedSubject, latents: np.ndarray, centring: Centring, active_only: bool
) -> TrialSeries:
    kept = alignment.active if active_only else np.ones(alignment.size, bool)
    return TrialSeries.of(latents if kept.all() else latents[..., kept], s.mask, centring)
