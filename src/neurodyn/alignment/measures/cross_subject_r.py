"""The headline: how alike the latents of different subjects are that were shown the same, once what all trials share is gone."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, paired
from neurodyn.alignment.measures._said import NONE_ACTIVE, PAIRS
from neurodyn.metrics.base import Measurement


class CrossSubjectR(AlignmentMeasure):
    """Time-centred correlation of trials of different subjects that belong together; read it beside the unpaired, untrained and shuffled values."""

    definition = (
        "Pearson correlation of the latents, flattened over time and dimension, after each subject's mean over trials was subtracted in every bin and dimension: mean over "
        f"{PAIRS}, averaged over pairs of subjects. {NONE_ACTIVE}."
    )
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return paired(alignment, "subjects", "time")
