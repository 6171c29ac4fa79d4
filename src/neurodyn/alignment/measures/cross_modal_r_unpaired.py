"""What the activity of one trial shares with the behaviour or stimulus of another."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, unpaired
from neurodyn.metrics.base import Measurement


class CrossModalRUnpaired(AlignmentMeasure):
    """Time-centred correlation of a trial's latents of activity with those of another trial's behaviour or stimulus."""

    definition = "As cross_modal_r, of one trial's activity with another trial's behaviour or stimulus, in the same subject; trials of one stimulus are left out."
    direction = "lower"
    group = "modalities"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "modalities")

    def measure(self, alignment: Alignment) -> Measurement:
        return unpaired(alignment, "modalities")
