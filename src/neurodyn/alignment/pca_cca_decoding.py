"""Behaviour and targets decoded across subjects whose principal components were aligned by canonical correlation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.components import ActivityComponents, components_of
from neurodyn.alignment.lessons import MEASURES, Lesson, scored_by
from neurodyn.alignment.pca_cca import paired_bins
from neurodyn.metrics.base import Measurement
from neurodyn.similarity.canonical_correlation import CanonicalCorrelation


def pca_cca_decoding(
    alignment: Alignment, measures: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Measurement]:
    """R² of behaviour and accuracy of the target in scored subjects, by decoders that one training subject taught; by the name of the measure they stand beside.

    For each scored subject and each training subject: activity (standardised units, smoothed with a Gaussian of 2 bins) is projected onto as many principal components
    as the model has latents, 10 at most; canonical correlation is fitted to trials of the scored subject that are not scored (`Alignment.calibration`) and training trials
    of the training subject, paired by stimulus or else by condition, none in two pairs; a decoder is fitted to the training subject's canonical variates and applied to
    those of the scored subject's scored trials. Means over training subjects. It is told which stimulus or condition each calibration trial had: a reference for zero-shot decoding, not a competitor.
    After Safaie et al. 2023, doi:10.1038/s41586-023-06714-0, but the scored trials take no part in the alignment.

    Args:
        alignment: the model's; its latents are not looked at.
        measures: those asked for, by name; all by default.
        seed: of where the search for components begins.

    Returns:
        Nothing where a scored subject has no calibration trials, or none that pair with a training subject's.

    Raises:
        InvalidInput: too few paired bins, or too few trials to fit a decoder to.
    """
    scored = alignment.scored
    if (measures is not None and not set(MEASURES) & set(measures)) or any(
        s.name not in alignment.calibration for s in scored
    ):
        return {}
    number, lessons, told = components_of(alignment), [], []
    teachers = [
        ActivityComponents.fit(t.trials, number, seed).subject(t.name, t.trials, t.mask.shape[1])
        for t in alignment.training.values()
    ]
    for s in scored:
        own, bins = alignment.calibration[s.name], s.mask.shape[1]
        components = ActivityComponents.fit(own, number, seed)
        learner, asked = (components.subject(s.name, trials, bins) for trials in (own, s.trials))
        for teacher in teachers:
            paired = _paired(learner, teacher)
            if teacher.name == s.name or not paired.any():
                continue
            every = np.arange(len(learner.trials)), np.arange(len(teacher.trials))
            common = CanonicalCorrelation.fit(*paired_bins(paired, learner, teacher, every))
            lessons.append(
                Lesson(
                    dataclasses.replace(teacher, latents=common.y_scores(teacher.latents)),
                    dataclasses.replace(asked, latents=common.x_scores(asked.latents)),
                    np.ones(len(s.trials), bool),
                )
            )
        told.append(f"{len(own)} calibration trials of {s.name}")
    return scored_by(alignment, lessons, measures, {"supervised": f"aligned by the labels of {', '.join(told)}"})


def _paired(first: AlignedSubject, second: AlignedSubject) -> np.ndarray:
    """Trials with the same stimulus; with the same condition where no stimulus is shared `(trial, other trial)`."""
    for column in ("stimulus", "condition"):
        labels, others = first.labels(column)[:, None], second.labels(column)[None]
        paired = (labels == others) & (labels != "")
        if paired.any():
            break
    return np.asarray(paired)
