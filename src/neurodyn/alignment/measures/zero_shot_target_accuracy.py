"""Is the condition of a new subject's trial to be read from its latents, without asking that subject?"""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._said import GUARD
from neurodyn.alignment.target_decoding import can_classify, within_subjects, zero_shot
from neurodyn.metrics.base import Measurement


class ZeroShotTargetAccuracy(AlignmentMeasure):
    """Share of trials of scored subjects whose condition a classifier fitted to the training subjects alone names; `context["chance"]` is what guessing gives."""

    definition = (
        "Share of trials of scored subjects, averaged over subjects, whose condition is named by linear discriminant analysis (shrunk covariance) of the mean latents in four consecutive "
        f"quarters of the trial, fitted to training subjects only; conditions that no training subject has are left out. {GUARD}; with none it is chance: naming the most frequent condition. "
        "Ceiling, of these latents only: fitted to the other half of the subject's own trials."
    )
    group = "use"

    def applies(self, alignment: Alignment) -> bool:
        return can_classify(alignment)

    def measure(self, alignment: Alignment) -> Measurement:
        return zero_shot(alignment)

    def ceiling(self, alignment: Alignment) -> Measurement | None:
        return within_subjects(alignment)
