"""The published statistic for trials that have nothing to do with each other."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, pairs_of
from neurodyn.alignment.measures._said import RAW_WARNING
from neurodyn.alignment.paired_means import mean_r
from neurodyn.metrics.base import Measurement


class CrossSubjectRRawUnpaired(AlignmentMeasure):
    """Published correlation of flattened latents of trials that do not belong together: what the paired value must be read against."""

    definition = (
        "As cross_subject_r_raw, over trials of the same pairs of subjects whose stimulus (or condition) differs."
    )
    direction = "lower"
    group = "published"
    warning = RAW_WARNING

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return mean_r(alignment, pairs_of(alignment, "subjects", "raw", False), "unpaired", {"warning": RAW_WARNING})
