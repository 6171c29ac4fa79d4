"""The published statistic of agreement between modalities. A collapsed model scores 1.000."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies
from neurodyn.alignment.measures._published import raw
from neurodyn.alignment.measures._said import RAW_WARNING
from neurodyn.alignment.trial_pairs import across_modalities
from neurodyn.metrics.base import Measurement


class CrossModalRRaw(AlignmentMeasure):
    """Published correlation of a trial's flattened latents of activity with those of its behaviour or stimulus; never without its warning."""

    definition = (
        "Pearson correlation, flattened over time and all dimensions, of a trial's latents from activity and from the other modality, nothing subtracted (as in the release of arXiv 2505.04331): mean over trials, "
        "averaged over scored subjects and modalities. Its unpaired value takes every other trial of the subject, repeats of the same stimulus too."
    )
    group = "published"
    warning = RAW_WARNING

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "modalities")

    def measure(self, alignment: Alignment) -> Measurement:
        return raw(alignment, across_modalities(alignment, "raw", False, repeats_unpaired=True), ddof=0)
