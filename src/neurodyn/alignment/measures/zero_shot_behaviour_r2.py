"""Does the model itself know a new subject's behaviour from its activity?"""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.behaviour_decoding import Decoded, behaviour_of, own_predictions, r2_of, within_subjects
from neurodyn.metrics.base import Measurement


class ZeroShotBehaviourR2(AlignmentMeasure):
    """R² of the behaviour that the model's own decoder gives in scored subjects: a collapsed model scores 0 at best."""

    definition = (
        "1 - SSE / SST on raw values (not a squared correlation), averaged over behaviour channels and then over scored subjects, of the behaviour that the model's own "
        "decoder gives from the latents of activity; bins without behaviour left out. Ceiling, of these latents only: ridge regression fitted to the other half of the subject's own trials."
    )
    group = "use"

    def applies(self, alignment: Alignment) -> bool:
        return any(own_predictions(s) is not None for s in alignment.scored)

    def measure(self, alignment: Alignment) -> Measurement:
        found = [Decoded(s.name, *given) for s in alignment.scored if (given := own_predictions(s)) is not None]
        return r2_of(alignment, found)

    def ceiling(self, alignment: Alignment) -> Measurement | None:
        if any(behaviour_of(s) is None for s in alignment.scored):
            return None
        return within_subjects(alignment, "linear")
