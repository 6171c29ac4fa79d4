"""Is a new subject's behaviour to be read from its latents by a small network, without asking that subject?"""

from __future__ import annotations

from neurodyn.alignment.base import Alignment, AlignmentMeasure
from neurodyn.alignment.behaviour_decoding import can_decode, zero_shot
from neurodyn.alignment.measures._said import GUARD
from neurodyn.metrics.base import Measurement


class ZeroShotBehaviourR2MLP(AlignmentMeasure):
    """R² of behaviour in scored subjects by a decoder fitted to the training subjects alone: a multilayer perceptron of the same and three previous bins."""

    definition = (
        "1 - SSE / SST on raw values, averaged over behaviour channels and then over scored subjects, of behaviour decoded from their latents by "
        f"a multilayer perceptron of the same and three previous bins, fitted to the latents and behaviour of training subjects only. {GUARD}; with none the decoder is a constant."
    )
    group = "use"

    def applies(self, alignment: Alignment) -> bool:
        return can_decode(alignment)

    def measure(self, alignment: Alignment) -> Measurement:
        return zero_shot(alignment, "mlp")
