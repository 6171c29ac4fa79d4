"""What an alignment that is shown the new subject's labels reaches: principal components of each subject, rotated onto each other by canonical correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.alignment.activity_blocks import StandardisedActivity
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.paired_means import mean_r
from neurodyn.alignment.trial_correlation import TrialSeries, trial_correlations
from neurodyn.alignment.trial_pairs import TrialPairs, across_subjects, matched_by
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement
from neurodyn.similarity.canonical_correlation import SUMMARY_COMPONENTS, CanonicalCorrelation

COMPONENTS, SMOOTH_BINS = 10, 2.0
_PASSES, _MORE = 8, 10


def pca_cca(alignment: Alignment, seed: int = 0) -> dict[str, Measurement]:
    """Paired and unpaired time-centred r of principal components aligned by canonical correlation, by the name of the measure they stand beside.

    For each pair of subjects that the model is scored on: both subjects' activity (standardised units, smoothed with a Gaussian of 2 bins) is projected onto as
    many principal components as the model has latents, 10 at most; the stimuli (or each condition's trials) that both have are split in two halves; canonical
    correlation is fitted to the paired trials of one half and scored on the other, both halves in turn. Correlations are over the first four canonical variates,
    centred over the trials of the scored half. It sees which trials of the new subject belong to which of the others: it is a ceiling for zero-shot alignment, not
    a competitor. After Safaie et al. 2023, doi:10.1038/s41586-023-06714-0, but never fitted and scored on the same trials.

    Raises:
        InvalidInput: no trials that pair, or a pair of subjects that shares a single stimulus (or only conditions of one trial).
    """
    if matched_by(alignment) is None:
        raise InvalidInput("alignment", "subjects whose trials do not pair", "a shared stimulus or condition")
    components = {
        name: _principal_components(s, min(alignment.size, COMPONENTS), seed) for name, s in alignment.subjects.items()
    }
    found, fitted = [], {}
    for p in across_subjects(alignment, "time", True):
        first, second = (components[name] for name in p.subjects)
        halves = _halves(alignment, p, seed)
        r = np.full(p.r.shape, np.nan)
        correlations = []
        for fit, held in (halves, halves[::-1]):
            x, y = _paired_bins(p, first, second, fit)
            cca = CanonicalCorrelation.fit(x, y)
            used = slice(min(SUMMARY_COMPONENTS, len(cca.correlations)))
            series = [
                TrialSeries.of(scores[..., used], own.mask[at], "time")
                for scores, own, at in (
                    (cca.x_scores(first.values[held[0]]), first, held[0]),
                    (cca.y_scores(second.values[held[1]]), second, held[1]),
                )
            ]
            r[np.ix_(*held)] = trial_correlations(*series)
            correlations.append(cca.correlations_of(*_paired_bins(p, first, second, held))[used])
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
    return {
        "cross_subject_r": mean_r(alignment, found, "paired", {**said, "unpaired": unpaired.value}),
        "cross_subject_r_unpaired": unpaired,
    }


@dataclass(frozen=True, eq=False)
class _Components:
    values: np.ndarray
    """`(trial, time, component)`."""
    mask: np.ndarray


def _principal_components(s: AlignedSubject, number: int, seed: int) -> _Components:
    """Projections on the leading principal components of all trials, by subspace iteration over blocks of trials: no covariance of all units is made."""
    activity = StandardisedActivity.of(s.trials, SMOOTH_BINS)
    units = s.trials.units
    number = min(number, units)
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.normal(size=(units, min(units, number + _MORE))))[0]
    centre = sum(values.sum((0, 1)) for _, values in activity) / max(int(s.trials.mask.sum()), 1)
    for _ in range(_PASSES):
        product = np.zeros_like(basis)
        for rows, values in activity:
            flat = values[s.trials.mask[rows]] - centre
            product += flat.T @ (flat @ basis)
        basis = np.linalg.svd(product, full_matrices=False)[0]
    found = np.zeros((*s.trials.mask.shape, number))
    for rows, values in activity:
        found[rows] = (values - centre) @ basis[:, :number] * s.trials.mask[rows][..., None]
    bins = s.mask.shape[1]
    return _Components(found[:, :bins], s.mask)


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


def _paired_bins(
    p: TrialPairs, first: _Components, second: _Components, trials: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Bins that both trials of a pair have, one below the other; no trial is in two pairs."""
    rows, others = trials
    free = p.paired[np.ix_(rows, others)].copy()
    i, j = [], []
    for k, row in enumerate(rows):
        at = np.flatnonzero(free[k])
        if len(at):
            i.append(row)
            j.append(others[at[0]])
            free[:, at[0]] = False
    bins = min(first.mask.shape[1], second.mask.shape[1])
    both = first.mask[i, :bins] & second.mask[j, :bins]
    return first.values[i, :bins][both], second.values[j, :bins][both]
