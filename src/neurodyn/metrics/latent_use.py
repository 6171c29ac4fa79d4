"""Do rates come from the latents? What is lost when they are decoded from the latents of another trial."""

from __future__ import annotations

import math

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Score
from neurodyn.metrics.co_bps import known_heldout

HELD_OUT = "held-out units"


class LatentUse(Metric):
    """Bits per spike lost with the latents of other trials: 0 where rates do not depend on the latents, more than the score itself where on nothing else."""

    definition = (
        "Bits per spike lost on test trials when each trial's rates are decoded from the latents of another test trial while all else that they are made "
        "of stays its own: of held-out units over the observed bins as in co_bps (of all units where none is held out), at posterior means, over bins "
        "inside both trials."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        test = evaluation.trials["test"]
        if evaluation.latent_swap is None or test.neural_name is None or test.neural.kind != "spikes":
            return False
        return bool(_scored(test, evaluation.latent_swap.partner)[1].any())

    def measure(self, evaluation: Evaluation) -> Measurement:
        test, swap = evaluation.trials["test"], evaluation.latent_swap
        assert swap is not None
        units, known = _scored(test, swap.partner)
        cut = np.s_[:, : test.observed_bins, units]
        counts = np.ascontiguousarray(test.counts[cut])
        own, other = (
            bits_per_spike(np.ascontiguousarray(rates[cut]), counts, known, units=units)
            for rates in (swap.own, swap.other)
        )
        context = {
            "scored": HELD_OUT if len(units) < test.units else "all units",
            "own_latents": own.value,
            "other_latents": other.value,
            "share": (own.value - other.value) / own.value if own.value > 0 else math.nan,
        }
        # differences before sums: rates that do not change lose exactly nothing
        sums = np.column_stack([own.sums[:, 0] - other.sums[:, 0], own.sums[:, 1]])
        return Measurement(sums, own.statistic, context)


def in_words(score: Score) -> str:
    """What a score of this measure says, in one sentence."""
    own, other, share = (_number(score.context[name]) for name in ("own_latents", "other_latents", "share"))
    what = "Co-bps" if score.context["scored"] == HELD_OUT else "Bits per spike of all units"
    text = f"{what} with the latents of other trials: {_shown(other)} (with each trial's own: {_shown(own)})"
    if math.isnan(share):
        return f"{text}."
    return f"{text}; the latents carry {'all' if share >= 1 else f'{share:.1%}'} of it."


def _scored(test: Trials, partner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The units scored, and their known entries over the observed bins of both trials `(trial, time, unit or one for all)`."""
    both = test.mask[partner][:, : test.observed_bins, None]
    if len(test.heldout):  # where their counts are withheld, what was seen is no stand-in
        return test.heldout, known_heldout(test) & both
    return np.arange(test.units), test.known[:, : test.observed_bins] & both


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _shown(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")
