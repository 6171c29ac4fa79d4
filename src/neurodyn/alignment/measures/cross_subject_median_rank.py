"""Where a trial's partner in another subject stands among all candidates."""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.measures._paired import applies, pairs_of
from neurodyn.alignment.measures._said import GUARD
from neurodyn.alignment.retrieval import chance_rank, median_rank
from neurodyn.metrics.base import Measurement


class CrossSubjectMedianRank(AlignmentMeasure):
    """Median rank of the best partner among all trials of the other subject, 1 at best; `context["chance"]` is what a blind order gives."""

    definition = (
        "Median, over trials with a partner, of the rank of the best partner among all labelled trials of the other subject by time-centred r (as cross_subject_r; 1: the most correlated); "
        f"both subjects ask in turn, ties count half. {GUARD}; with none it is that of a blind order."
    )
    direction = "lower"
    group = "subjects"

    def applies(self, alignment: Alignment) -> bool:
        return applies(alignment, "subjects")

    def measure(self, alignment: Alignment) -> Measurement:
        pairs = pairs_of(alignment, "subjects", "time", True)
        everything = median_rank(alignment, pairs_of(alignment, "subjects", "time", False), {}).value
        candidates = [p.r.shape for p in pairs]
        said = {
            "chance": chance_rank(pairs),
            "candidates": candidates,
            "unguarded": everything,
            "active": alignment.active_said,
        }
        return median_rank(alignment, pairs, said)
