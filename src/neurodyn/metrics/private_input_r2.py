"""The stimulus, read linearly from the private inputs of the area that it drives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from neurodyn.metrics._area_inputs import (
    areas_of,
    complete,
    mean_course,
    named,
    private_inputs,
    read_off,
    smoothed_spikes,
    truth,
)
from neurodyn.metrics.base import Evaluation, Measurement, Metric

_STIMULUS = "stimulus"


class PrivateInputR2(Metric):
    """R² of the stimulus, mapped linearly from an area's private inputs: is what comes from outside found there?"""

    definition = (
        "Variance-weighted R2, on test trials, all bins, of a linear map with intercept from the private inputs of one area to the stimulus currents, fitted on "
        "train with a tiny ridge chosen on valid; of the area whose private inputs say most about it on train."
    )

    def applies(self, evaluation: Evaluation) -> bool:
        return (
            complete(evaluation)
            and all(_STIMULUS in trials.truth for trials in evaluation.trials.values())
            and any(private_inputs(evaluation, area) is not None for area in areas_of(evaluation.trials["test"]))
        )

    def measure(self, evaluation: Evaluation) -> Measurement:
        driven, each = self._areas(evaluation)
        context = {"area": driven, **{f"of {area}": measured.value for area, measured in each.items()}}
        return dataclasses.replace(each[driven], context=context)

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        driven, _ = self._areas(evaluation)
        stimulus = truth(evaluation, _STIMULUS)
        state = named(evaluation, f"factors_{driven}")
        found = {"mean_course": mean_course(evaluation, stimulus)}
        found |= {"smoothed_spikes": smoothed_spikes(evaluation, lambda area: area == driven)}
        if state is not None:
            found["state"] = state
        return {name: read_off(evaluation, source, stimulus, name) for name, source in found.items()}

    def oracle(self, evaluation: Evaluation) -> Evaluation | None:
        driven, _ = self._areas(evaluation)
        inferred = {
            split: dataclasses.replace(
                each, extra={f"private_inputs_{driven}": evaluation.trials[split].truth[_STIMULUS]}
            )
            for split, each in evaluation.inferred.items()
        }
        return Evaluation(evaluation.trials, inferred)

    def _areas(self, evaluation: Evaluation) -> tuple[str, dict[str, Measurement]]:
        """The area that the stimulus drives, and every area's measurement."""
        stimulus, train = truth(evaluation, _STIMULUS), evaluation.trials["train"]
        within = Evaluation(
            {**evaluation.trials, "test": train}, {**evaluation.inferred, "test": evaluation.inferred["train"]}
        )
        each, on_train = {}, {}
        for area in areas_of(train):
            found = private_inputs(evaluation, area)
            if found is not None:
                each[area] = read_off(evaluation, found, stimulus, f"private inputs of {area}")
                again = {**found, "test": found["train"]}
                on_train[area] = read_off(within, again, {**stimulus, "test": stimulus["train"]}, area).value
        return max(on_train, key=lambda area: on_train[area]), each
