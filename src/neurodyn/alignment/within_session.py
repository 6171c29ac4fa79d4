"""What a scored subject's own activity tells of its behaviour, to a decoder that learns from that subject: a ceiling for decoders taught by others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.components import ActivityComponents, components_of
from neurodyn.alignment.lessons import MEASURES, Lesson, scored_by
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement

LEAST = 4
"""Stimuli (or trials) below which a subject is not halved."""


def within_session(
    alignment: Alignment, measures: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Measurement]:
    """R² of behaviour and accuracy of the target in scored subjects, by decoders fitted to the same subject's trials; by the name of the measure they stand beside.

    The subject's activity (standardised units, smoothed with a Gaussian of 2 bins) is projected onto as many principal components as the model has latents, 10 at
    most. Components and decoders are fitted to its trials that are not scored (`Alignment.calibration`), all of them, and applied to those that are; a subject without
    such trials has its scored ones split in two, each half in turn telling of the other. No model and no other subject is in it: it is told the subject's labels.

    Args:
        alignment: the model's; its latents are not looked at.
        measures: those asked for, by name; all by default.
        seed: of the halves, and of where the search for components begins.

    Raises:
        InvalidInput: too few trials to split, or to fit a decoder to.
    """
    if measures is not None and not set(MEASURES) & set(measures):
        return {}
    number, lessons, taught = components_of(alignment), [], []
    for s in alignment.scored:
        own, bins, scored = alignment.calibration.get(s.name), s.mask.shape[1], np.ones(len(s.trials), bool)
        if own is not None:
            found = ActivityComponents.fit(own, number, seed)
            lessons.append(Lesson(found.subject(s.name, own, bins), found.subject(s.name, s.trials, bins), scored))
            taught.append(f"{len(own)} trials of {s.name} that are not scored")
            continue
        half = _half(alignment, s, seed)
        for fit in (half, ~half):
            own = s.trials.select(np.flatnonzero(fit))
            found = ActivityComponents.fit(own, number, seed)
            lessons.append(Lesson(found.subject(s.name, own, bins), found.subject(s.name, s.trials, bins), ~fit))
        taught.append(f"the other half of the {len(half)} scored trials of {s.name}")
    return scored_by(alignment, lessons, measures, {"supervised": f"fitted to {', '.join(taught)}"})


def _half(alignment: Alignment, s: AlignedSubject, seed: int) -> np.ndarray:
    """Half of a subject's trials `(trial,)`: trials of one stimulus stay together, every condition is halved."""
    rows, first, place = np.unique(alignment.rows[s.name], return_index=True, return_inverse=True)
    if len(rows) < LEAST:
        raise InvalidInput(f"trials of {s.name}", f"{len(rows)} {alignment.over}", f"at least {LEAST} to halve")
    order = np.random.default_rng(seed).permutation(len(rows))
    order = order[np.argsort(s.labels("condition")[first][order], kind="stable")]
    chosen = np.zeros(len(rows), bool)
    chosen[order[::2]] = True
    return np.asarray(chosen[place])
