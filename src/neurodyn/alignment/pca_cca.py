"""What an alignment that is shown the new subject's labels reaches: principal components of each subject, rotated onto each other by canonical correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.components import ActivityComponents, components_of
from neurodyn.alignment.paired_means import mean_r
from neurodyn.alignment.trial_correlation import TrialSeries, trial_correlations
from neurodyn.alignment.trial_pairs import TrialPairs, across_subjects, matched_by
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement
from neurodyn.similarity.canonical_correlation import SUMMARY_COMPONENTS, CanonicalCorrelation

MEASURES = ("cross_subject_r", "cross_subject_r_unpaired")


def pca_cca(alignment: Alignment, measures: Sequence[str] | None = None, seed: int = 0) -> dict[str, Measurement]:
    """Paired and unpaired time-centred r of principal components aligned by canonical correlation, by the name of the measure they stand beside.

    For each pair of subjects that the model is scored on: both subjects' activity (standardised units, smoothed with a Gaussian of 2 bins) is projected onto as
    many principal components as the model has latents, 10 at most; the stimuli (or each condition's trials) that both have are split in two halves; canonical
    correlation is fitted to the paired trials of one half and scored on the other, both halves in turn. Correlations are over the first four canonical variates,
    centred over the trials of the scored half. It sees which trials of the new subject belong to which of the others: it is a ceiling for zero-shot alignment, not
    a competitor. After Safaie et al. 2023, doi:10.1038/s41586-023-06714-0, but never fitted and scored on the same trials.

    Args:
        alignment: the model's; its latents are not looked at.
        measures: those asked for, by name; all by default.
        seed: of the halves.

    Raises:
        InvalidInput: no trials that pair, or a pair of subjects that shares a single stimulus (or only conditions of one trial).
    """
    if measures is not None and not set(MEASURES) & set(measures):
        return {}
    if matched_by(alignment) is None:
        raise InvalidInput("alignment", "subjects whose trials do not pair", "a shared stimulus or condition")
    number = components_of(alignment)
    components = {
        name: ActivityComponents.fit(s.trials, number, seed).subject(name, s.trials, s.mask.shape[1])
        for name, s in alignment.subjects.items()
    }
    found, fitted = [], {}
    for p in across_subjects(alignment, "time", True):
        first, second = (components[name] for name in p.subjects)
        halves = _halves(alignment, p, seed)
        r = np.full(p.r.shape, np.nan)
        correlations = []
        for fit, held in (halves, halves[::-1]):
            x, y = paired_bins(p.paired, first, second, fit)
            cca = CanonicalCorrelation.fit(x, y)
            used = slice(min(SUMMARY_COMPONENTS, len(cca.correlations)))
            series = [
                TrialSeries.of(scores[..., used], own.mask[at], "time")
                for scores, own, at in (
                    (cca.x_scores(first.latents[held[0]]), first, held[0]),
                    (cca.y_scores(second.latents[held[1]]), second, held[1]),
                )
            ]
            r[np.ix_(*held)] = trial_correlations(*series)
            correlations.append(cca.correlations_of(*paired_bins(p.paired, first, second, held))[used])
        found.append(
            TrialPairs(
                p.name,
                p.subjects,
                p.sides,
                p.paired & np.isfinite(r),
                p.unpaired & np.isfinite(r),
                p.row,
                p.other_row,
                r,
            )
        )
        fitted[p.name] = np.mean(correlations, 0).tolist()
    said: dict[str, Any] = {
        "canonical_correlations": fitted,
        "supervised": "sees which trials of the new subject belong to which of the others",
    }
    unpaired = mean_r(alignment, found, "unpaired", said)
    paired = mean_r(alignment, found, "paired", {**said, "unpaired": unpaired.value})
    return dict(zip(MEASURES, (paired, unpaired)))


def _halves(
    alignment: Alignment, p: TrialPairs, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Two halves of both subjects' trials: every stimulus in one of them, every condition's trials in both."""
    column = matched_by(alignment)
    assert column is not None
    generator = np.random.default_rng(seed)
    labels = [alignment.subjects[name].labels(column) for name in p.subjects]
    shared = np.intersect1d(labels[0], labels[1])
    shared = shared[shared != ""]
    if column == "stimulus":
        chosen = generator.permutation(shared)[: len(shared) // 2]
        halves = [np.isin(each, chosen) for each in labels]
        others = [_every_second(each, np.setdiff1d(each, shared), generator) for each in labels]
        halves = [a | b for a, b in zip(halves, others)]
    else:
        halves = [_every_second(each, np.unique(each), generator) for each in labels]
    known = [each != "" for each in labels]
    first, second = [h & k for h, k in zip(halves, known)], [~h & k for h, k in zip(halves, known)]
    for half in (first, second):
        if not p.paired[np.ix_(*half)].any():
            raise InvalidInput(
                f"{column} of {p.name}", "too few trials that pair", "at least two in each half", "Leave out pca_cca."
            )
    one, other = ((np.flatnonzero(a), np.flatnonzero(b)) for a, b in (first, second))
    return one, other


def _every_second(labels: np.ndarray, wanted: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Half of the trials of every wanted label, drawn at random `(trial,)`."""
    chosen = np.zeros(len(labels), bool)
    order = generator.permutation(len(labels))
    for label in wanted:
        chosen[order[labels[order] == label][::2]] = True
    return chosen


def paired_bins(
    paired: np.ndarray, first: AlignedSubject, second: AlignedSubject, trials: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Latents in the bins that both trials of a pair have, one below the other `(row, latent)`; no trial is in two pairs.

    Args:
        paired: bool `(trial of first, trial of second)`.
        first, second: the subjects.
        trials: those of each that may be taken, in this order.
    """
    rows, others = trials
    free = paired[np.ix_(rows, others)].copy()
    i, j = [], []
    for k, row in enumerate(rows):
        at = np.flatnonzero(free[k])
        if len(at):
            i.append(row)
            j.append(others[at[0]])
            free[:, at[0]] = False
    bins = min(first.mask.shape[1], second.mask.shape[1])
    both = first.mask[i, :bins] & second.mask[j, :bins]
    return first.latents[i, :bins][both], second.latents[j, :bins][both]
