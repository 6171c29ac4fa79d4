"""Correlation across subjects with the time course that all trials share left in."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, paired
from neurodyn.metrics.base import Measurement


class CrossSubjectRFeature(AlignmentMeasure):
    """Correlation of trials that belong together after each latent's mean over trials and time was subtracted: a time course common to all trials counts."""

    definition = "As cross_subject_r, but only each dimension's mean over trials and time is subtracted, per subject: what all trials do at the same time still counts."
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return paired(alignment, "subjects", "feature")
