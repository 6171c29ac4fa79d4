"""How alike the latents of activity and of what went with it are, in subjects the model was not trained on."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, paired
from neurodyn.alignment.measures._said import NONE_ACTIVE
from neurodyn.metrics.base import Measurement


class CrossModalR(AlignmentMeasure):
    """Time-centred correlation of a trial's latents of activity with those of its behaviour or stimulus: shared weights alone do not give it."""

    definition = (
        "Pearson correlation, flattened over time and dimension, of a trial's latents from activity and from the other modality, each centred over the subject's trials in every bin and dimension: mean over "
        f"trials, averaged over scored subjects and modalities. {NONE_ACTIVE}."
    )
    group = "modalities"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "modalities")

    def measure(self, alignment: Alignment) -> Measurement:
        return paired(alignment, "modalities", "time")
