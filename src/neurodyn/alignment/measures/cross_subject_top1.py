"""How often a trial finds its partner in another subject."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, retrieved
from neurodyn.alignment.measures._said import GUARD
from neurodyn.metrics.base import Measurement


class CrossSubjectTop1(AlignmentMeasure):
    """Share of trials whose most similar trial in the other subject belongs to them; `context["chance"]` is what guessing gives."""

    definition = (
        "Share of trials whose most correlated candidate among all labelled trials of the other subject (time-centred r, as cross_subject_r) has the same stimulus or condition; both "
        f"subjects ask in turn, ties share the hit. {GUARD}; with none it is chance."
    )
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return retrieved(alignment, "subjects")
