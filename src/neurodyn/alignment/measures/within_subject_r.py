"""Do repeats within one subject give the same latents? Trial-level consistency."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, paired
from neurodyn.alignment.measures._said import NONE_ACTIVE
from neurodyn.metrics.base import Measurement


class WithinSubjectR(AlignmentMeasure):
    """Time-centred correlation of different trials of one stimulus (or condition) in one subject: the trial-level bound of what subjects can share."""

    definition = (
        "As cross_subject_r, of different trials of one subject with the same stimulus (the same condition where no stimulus repeats), against trials whose stimulus (condition) differs; mean over combinations, "
        f"averaged over scored subjects. {NONE_ACTIVE}."
    )
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "repeats")

    def measure(self, alignment: Alignment) -> Measurement:
        return paired(alignment, "repeats", "time")
