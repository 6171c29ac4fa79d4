"""Decoders that are taught about a scored subject with its labels: what the report card's supervised rows are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.alignment import behaviour_decoding, target_decoding
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.behaviour_decoding import Decoded, behaviour_of
from neurodyn.alignment.target_decoding import Named
from neurodyn.metrics.base import Measurement

TARGET = "zero_shot_target_accuracy"
MEASURES = (*behaviour_decoding.DECODERS, TARGET)
"""What such decoders stand beside."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Who teaches a decoder, and whom it is asked about; latents of both are in one space."""

    teacher: AlignedSubject
    asked: AlignedSubject
    """A scored subject, with all of its scored trials in the alignment's order."""
    trials: np.ndarray
    """Bool `(trial,)`: the trials of `asked` that are asked about. Lessons of the same two subjects complete each other."""


def scored_by(
    alignment: Alignment,
    lessons: Sequence[Lesson],
    measures: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> dict[str, Measurement]:
    """What decoders and classifiers taught so score in the scored subjects, by the name of the measure they stand beside; on its rows.

    Args:
        alignment: the model's; says which trials are scored.
        lessons: of every scored subject; several teachers of one are averaged over.
        measures: those asked for, by name; all by default.
        context: what to say beside them.

    Returns:
        Those of `MEASURES` that apply; nothing where a scored subject has no lesson.

    Raises:
        InvalidInput: a teacher with too few trials.
    """
    if {s.name for s in alignment.scored} != {lesson.asked.name for lesson in lessons}:
        return {}
    wanted = MEASURES if measures is None else [name for name in MEASURES if name in measures]
    teachers = [lesson.teacher for lesson in lessons]
    decodes = behaviour_decoding.can_decode(alignment) and all(behaviour_of(t) is not None for t in teachers)
    names = target_decoding.can_classify(alignment) and all((t.labels("condition") != "").any() for t in teachers)
    found = {}
    for name in wanted:
        if name == TARGET and names:
            found[name] = target_decoding.accuracy(alignment, _named(alignment, lessons), context)
        elif name != TARGET and decodes:
            decoded = _decoded(lessons, behaviour_decoding.DECODERS[name])
            found[name] = behaviour_decoding.r2_of(alignment, decoded, context)
    return found


def _decoded(lessons: Sequence[Lesson], decoder: str) -> list[Decoded]:
    found: dict[tuple[str, str], Decoded] = {}
    for lesson in lessons:
        asked, at = lesson.asked, lesson.trials
        true = behaviour_of(asked)
        assert true is not None
        key = asked.name, lesson.teacher.name
        taught_by = "" if lesson.teacher.name == asked.name else lesson.teacher.name
        each = found.setdefault(key, Decoded(asked.name, true, np.zeros(true.shape), taught_by))
        each.predicted[at] = behaviour_decoding.fitted([lesson.teacher], decoder)(asked.latents[at], asked.mask[at])
    return list(found.values())


def _named(alignment: Alignment, lessons: Sequence[Lesson]) -> list[Named]:
    found: dict[tuple[str, str], Named] = {}
    for lesson in lessons:
        asked, at = lesson.asked, lesson.trials
        key = asked.name, lesson.teacher.name
        each = found.setdefault(
            key, Named(asked.name, target_decoding.can_be_asked(alignment, asked), np.zeros(len(at), bool))
        )
        each.right[at] = (target_decoding.fitted([lesson.teacher])(asked) == asked.labels("condition"))[at]
    return list(found.values())
