"""Is a new subject's behaviour to be read from its latents linearly, without asking that subject?"""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.behaviour_decoding import can_decode, within_subjects, zero_shot
from neurodyn.alignment.measures._said import GUARD
from neurodyn.metrics.base import Measurement


class ZeroShotBehaviourR2Linear(AlignmentMeasure):
    """R² of behaviour in scored subjects by a decoder fitted to the training subjects alone: ridge regression of the same bin, its penalty by cross-validation over trials."""

    definition = (
        "1 - SSE / SST on raw values, averaged over behaviour channels and then over scored subjects, of behaviour decoded from their latents by "
        f"ridge regression of the same bin, its penalty by cross-validation over trials, fitted to the latents and behaviour of training subjects only. {GUARD}; with none the decoder is a constant. "
        "Ceiling, of these latents only: the same decoder fitted to the other half of the subject's own trials."
    )
    group = "use"

    def applies(self, alignment: Alignment) -> bool:
        return can_decode(alignment)

    def measure(self, alignment: Alignment) -> Measurement:
        return zero_shot(alignment, "linear")

    def ceiling(self, alignment: Alignment) -> Measurement | None:
        return within_subjects(alignment, "linear")
