"""What areas truly send each other, read linearly from the inferred messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from neurodyn.metrics._area_inputs import (
    Values,
    a_bin_earlier,
    complete,
    messages_into,
    named,
    private_inputs,
    read_off,
    sender_state,
    smoothed_spikes,
    true_inputs,
    truth,
)
from neurodyn.metrics.base import Evaluation, Measurement, Metric

_STAND_INS: Mapping[str, Callable[[Evaluation, str], Values | None]] = {
    "sender_state": sender_state,
    "receiver_state": lambda evaluation, area: named(evaluation, f"factors_{area}"),
    "receiver_private_inputs": private_inputs,
    "sender_smoothed_spikes": lambda evaluation, area: smoothed_spikes(evaluation, lambda other: other != area),
    "receiver_smoothed_spikes": lambda evaluation, area: smoothed_spikes(evaluation, lambda other: other == area),
}
"""What stands in for the messages into an area."""


class MessageR2(Metric):
    """R² of what an area receives from the others, mapped linearly from the messages into it, averaged over areas: do messages say what is sent?"""

    definition = (
        "Mean over receiving areas of the variance-weighted R2, on test trials, all bins, of a linear map with intercept from the inferred messages into the "
        "area to what it truly receives from the other areas, fitted on train with a tiny ridge chosen on valid."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return complete(evaluation) and bool(_received(evaluation))

    def measure(self, evaluation: Evaluation) -> Measurement:
        received = _received(evaluation)
        measured = _mean_over_areas({area: source for area, (source, _) in received.items()}, evaluation)
        before = {
            f"into {area}, of the bin before": read_off(evaluation, source, a_bin_earlier(true), area).value
            for area, (source, true) in received.items()
        }
        return dataclasses.replace(measured, context={**measured.context, **before})

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        found = {}
        for name, source in _STAND_INS.items():
            made = {area: source(evaluation, area) for area in _received(evaluation)}
            known = {area: values for area, values in made.items() if values is not None}
            if len(known) == len(made):
                found[name] = _mean_over_areas(known, evaluation)
        return found

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        inferred = {}
        for split, each in evaluation.inferred.items():
            true = {
                f"message_others_to_{area}": evaluation.trials[split].truth[name]
                for area, name in true_inputs(evaluation.trials[split]).items()
            }
            inferred[split] = dataclasses.replace(each, extra=true)
        return Evaluation(evaluation.trials, inferred)


def _received(evaluation: Evaluation) -> dict[str, tuple[Values, Values]]:
    """By area the messages into it and what it truly receives, where both are known."""
    names = true_inputs(evaluation.trials["test"]) if "test" in evaluation.trials else {}
    found = {area: (messages_into(evaluation, area), truth(evaluation, name)) for area, name in names.items()}
    return {area: (made, true) for area, (made, true) in found.items() if made is not None}


def _mean_over_areas(sources: Mapping[str, Values], evaluation: Evaluation) -> Measurement:
    """The mean over areas of the R² of what each receives; each area's in the context."""
    names = true_inputs(evaluation.trials["test"])
    each = {
        area: read_off(evaluation, source, truth(evaluation, names[area]), f"messages into {area}")
        for area, source in sources.items()
    }
    widths = np.cumsum([m.sums.shape[1] for m in each.values()])[:-1]

    def statistic(sums: np.ndarray) -> np.ndarray:
        parts = np.split(sums, widths, axis=1)
        return np.asarray(np.mean([m.statistic(part) for m, part in zip(each.values(), parts)], axis=0))

    context = {f"into {area}": m.value for area, m in each.items()}
    return Measurement(np.column_stack([m.sums for m in each.values()]), statistic, context)
