"""How much of what pulses do to the true latents the model predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodyn.analysis.dynamics_measures.base import CLAIMS, DynamicsMeasure
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.perturbation import has_pulses, kept_responses, pulse_responses
from neurodyn.analysis.twins import has_twins, of_twin
from neurodyn.dynamics.pulse_responses import PulseResponses, squares
from neurodyn.metrics.base import Measurement
from neurodyn.shapes import Array
from neurodyn.simulate.twins import STRUCTURES

_SHARE = 0.5
_ALIKE = 0.95
"""Of the mean response: from there on trials answer alike, and there is nothing more to predict of them."""


class PerturbationR2(DynamicsMeasure):
    """1 − Σ|Δ̂ − Δ|² / Σ|Δ|² of each pulse, averaged over pulses; Δ are changes of the true latents with the same noise."""

    definition = (
        "Mean over pulses of 1 - SS(predicted - true change of the latents) / SS(true change) on test trials; truth is the system run again with the same "
        "noise, the model steps on with the inputs it inferred; maps of inputs and latents fitted on train."
    )

    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model has dynamics and the system behind the trials can be perturbed."""
        return has_pulses(learned)

    def measure(self, learned: LearnedDynamics) -> Measurement:
        found = kept_responses(learned)
        measured = _measured(found, found.predicted)
        context = _context(found)
        if found.through == "inputs":
            pushed = learned.kept("pulse_responses_states", lambda: pulse_responses(learned, through="states"))
            context["pulses_through_states"] = dict(zip(pushed.labels, pushed.r2().tolist()))
            context["through_states"] = _mean(pushed.r2())
        if has_twins(learned.train):
            twins = learned.kept("pulse_responses_twins", lambda: _of_twins(learned))
            context["twins"] = twins
            if found.through == "inputs":  # a push of the state is told what the twin does in its first bin
                for name, r2 in twins.items():
                    statement = f"more than {_SHARE:g} of what pulses do to the twin with {name} is predicted"
                    context[CLAIMS][statement] = r2 > _SHARE
        return Measurement(measured.sums, measured.statistic, context)

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        found = kept_responses(learned)
        none = {"no_response": np.zeros(found.true.shape)}
        return {name: _measured(found, each) for name, each in {**none, **found.simpler}.items()}

    def ceiling(self, learned: LearnedDynamics) -> float | None:
        return 1.0


def _of_twins(learned: LearnedDynamics) -> dict[str, float]:
    """Mean R² of what pulses do to each twin."""
    return {f"J_S {each:g}": _mean(pulse_responses(of_twin(learned, each)).r2()) for each in STRUCTURES}


def _measured(found: PulseResponses, predicted: Array) -> Measurement:
    left, whole = squares(found.true, predicted)
    return Measurement(np.concatenate([left, whole]).T, _mean_r2)


def _mean_r2(sums: np.ndarray) -> np.ndarray:
    left, whole = np.split(sums, 2, axis=1)
    return np.asarray((1 - left / np.maximum(whole, 1e-300)).mean(1))


def _context(found: PulseResponses) -> dict[str, Any]:
    r2 = _mean(found.r2())
    beside = {name: _mean(found.r2(each)) for name, each in found.simpler.items()}
    claims = {}
    if found.through == "inputs":
        claims[f"more than {_SHARE:g} of what pulses do is predicted"] = r2 > _SHARE
    else:
        claims["what a push of the state does is predicted better than by its fading"] = r2 > beside["leaking_push"]
    if beside["mean_response"] < _ALIKE:
        claims["pulses are predicted better than by their mean response over trials"] = r2 > beside["mean_response"]
    return {
        "pulses": dict(zip(found.labels, found.r2().tolist())),
        "through": found.through,
        "input_map_r2": found.map_r2,
        CLAIMS: claims,
    }


def _mean(values: Array) -> float:
    return float(np.mean(values))
