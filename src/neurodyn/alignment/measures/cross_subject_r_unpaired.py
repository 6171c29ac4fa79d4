"""What trials of different subjects that do not belong together share."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, unpaired
from neurodyn.metrics.base import Measurement


class CrossSubjectRUnpaired(AlignmentMeasure):
    """Time-centred correlation of trials of different subjects that do not belong together; near 0 where centring has done its work."""

    definition = "As cross_subject_r, over trials of the same pairs of subjects whose stimulus (or condition) differs."
    direction = "lower"
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return unpaired(alignment, "subjects")
