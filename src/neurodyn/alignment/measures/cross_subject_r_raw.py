"""The published statistic of agreement across subjects. A collapsed model scores 1.000."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, pairs_of
from neurodyn.alignment.measures._published import raw
from neurodyn.alignment.measures._said import PAIRS, RAW_WARNING
from neurodyn.metrics.base import Measurement


class CrossSubjectRRaw(AlignmentMeasure):
    """Published correlation of flattened latents of trials that belong together, nothing subtracted; never without its warning."""

    definition = (
        "Pearson correlation of the latents of all dimensions, flattened over time and dimension, nothing subtracted (as in the release of arXiv 2505.04331): mean over "
        f"{PAIRS}, averaged over pairs of subjects."
    )
    group = "published"
    warning = RAW_WARNING

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        return raw(alignment, pairs_of(alignment, "subjects", "raw", False), ddof=1)
