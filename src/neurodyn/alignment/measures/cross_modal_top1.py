"""How often a trial's activity finds its behaviour or stimulus."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, retrieved
from neurodyn.alignment.measures._said import GUARD
from neurodyn.metrics.base import Measurement


class CrossModalTop1(AlignmentMeasure):
    """Share of trials whose activity is most similar to their own behaviour or stimulus, and the reverse; `context["chance"]` is what guessing gives."""

    definition = (
        "Share of trials whose most correlated candidate among all trials' latents of the other modality (time-centred r, as cross_modal_r; other trials of the same stimulus are no candidates) "
        f"is their own; both modalities ask in turn, ties share the hit. {GUARD}; with none it is chance."
    )
    group = "modalities"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "modalities")

    def measure(self, alignment: Alignment) -> Measurement:
        return retrieved(alignment, "modalities")
