"""What a model predicts of pulses: a model whose dynamics are the true ones predicts them, one whose are not does not."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.analysis.dynamics_measures.base import dynamics_scores
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.perturbation import has_pulses, pulse_responses, usual_pulses
from neurodyn.data.signal import Signal
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import split_trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.simulate.noise import NoiseConfig
from neurodyn.simulate.perturbation import Pulse
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig, single_area

MIXING = torch.tensor([[2.0, -1.0], [0.5, 3.0]], dtype=torch.float64)
OFFSET = torch.tensor([1.0, -2.0], dtype=torch.float64)
TO_INPUTS = torch.tensor([[30.0, 10.0], [-5.0, 20.0]], dtype=torch.float64)


@dataclass(frozen=True)
class ReadsTheTruthConfig:
    """No options."""


class ReadsTheTruth(Model):
    """PFC with a given structure, told its states and its input; inputs are in units of its own, latents are S M + o."""

    Config: ClassVar = ReadsTheTruthConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, spec: DataSpec, structure: float = 0.4182, driven: bool = True) -> None:
        super().__init__(ReadsTheTruthConfig(), spec)
        circuit = single_area(structure)
        self.circuit, self.driven = circuit.config, driven
        self.register_buffer("coupling", torch.tensor(circuit.coupling))

    def step(self, state, inputs):
        c = self.circuit
        current = (inputs - 0.5) @ torch.linalg.inv(TO_INPUTS) if self.driven else 0.0
        for _ in range(10):
            drive = c.gain_hz_per_na * (state @ self.coupling + c.background_na + current) - c.threshold_hz
            rates = drive / -torch.expm1(-c.curvature_s * drive)
            state = state + 0.001 * (-state / c.tau_s + c.saturation * (1 - state) * rates)
        return state

    def factors_of(self, state):
        return state @ MIXING + OFFSET

    def forward(self, observed, privileged=None):
        states = observed.signals["path"].double()
        drive = observed.signals["into"].double() @ TO_INPUTS + 0.5
        drive = drive if self.driven else drive[..., :0]
        rates = torch.zeros(*states.shape[:2], self.spec.only.units, 1)
        return Output({"counts": rates}, latents=self.factors_of(states), hidden={"state": states, "drive": drive})


def told(preset="no_feedback", noise="none", **options):
    """Trials whose true states and inputs are given to the model; the input is too weak to decide alone."""
    options = {"ppc_to_pfc": (0.05, 0.0), **options}
    config = TwoAreaConfig(preset=preset, noise=NoiseConfig(preset=noise), **options)
    trials = split_trials(TwoArea(config).simulate(60, seed=4), (0.5, 0.2, 0.3))
    signals = {
        name: Signal(trials.truth[key], "series", "input", trials.bin_s)
        for name, key in (("path", "latents"), ("into", "inputs"))
    }
    return dataclasses.replace(trials, signals={**trials.signals, **signals})


def asked(trials, **options):
    model = ReadsTheTruth(DataSpec.of(trials.train), **options)
    return LearnedDynamics.of(model, trials.train, trials.valid, trials.test)


@pytest.fixture(scope="module")
def trials():
    return told()


def test_the_true_dynamics_predict_what_pulses_do(trials):
    found = pulse_responses(asked(trials))
    assert found.through == "inputs" and found.map_r2 == pytest.approx(1, abs=1e-9)
    assert len(found.labels) == 12
    assert found.r2().min() > 0.97, found.r2()
    assert np.abs(found.true_flips.mean(1) - found.predicted_flips.mean(1)).max() < 0.06
    assert found.true_flips.mean(1).max() > 0.2
    assert not found.true[:, :, :10].any() and not found.predicted[:, :, :10].any()


def test_a_twin_does_not_predict_what_pulses_do(trials):
    """It says the same of every spike, under its own inputs, but has other dynamics."""
    right, wrong = asked(trials), asked(trials, structure=0.2)
    scores = {
        name: dynamics_scores(each, ["perturbation_r2", "choice_flip_error"], wrong)
        for name, each in (("right", right), ("wrong", wrong))
    }
    r2, flips = scores["right"]
    assert r2.value > 0.97 and r2.ceiling == 1 and r2.n == len(trials.test)
    assert r2.baselines["no_response"] == 0 and set(r2.baselines) >= {"untrained", "mean_response", "linear_truth"}
    assert r2.context["claims"]["more than 0.5 of what pulses do is predicted"]
    assert scores["wrong"][0].value < 0.5 < r2.baselines["mean_response"] + 0.5
    assert flips.direction == "lower" and flips.value < 0.06 < flips.baselines["no_response"]
    assert flips.baselines["no_response"] == pytest.approx(np.mean(list(flips.context["flips"].values())))


def test_a_push_of_the_state_where_there_are_no_inputs(trials):
    learned = asked(trials, driven=False)
    found = pulse_responses(learned, [Pulse(start_s=0.5, duration_s=0.01, size_na=0.005)])
    assert found.through == "states" and found.map_r2 is None
    np.testing.assert_allclose(found.predicted[0, :, 50], found.true[0, :, 50], atol=1e-6)
    with pytest.raises(InvalidInput, match="through"):
        pulse_responses(learned, through="inputs")


def test_feedback_is_what_frozen_inputs_leave_out():
    """With negative feedback PPC answers the pulse; a model of PFC alone, right as it is, cannot know."""
    closed = pulse_responses(asked(told("recnf")), [Pulse(start_s=0.1)])
    alone = pulse_responses(asked(told("recnf", twin=0.4182)), [Pulse(start_s=0.1)])
    assert alone.r2()[0] > 0.97
    assert closed.r2()[0] < alone.r2()[0] - 0.01


def test_results_for_people_and_for_json(trials):
    found = pulse_responses(asked(trials), usual_pulses(trials)[:2])
    title, headings, rows, note = found.table()
    assert len(rows) == 2 and all(len(row) == len(headings) for row in rows) and "same noise" in note and title
    assert len(json.loads(json.dumps(found.as_mapping()))["pulses"]) == 2


def test_bad_questions_name_their_field(trials):
    learned = asked(trials)
    with pytest.raises(InvalidInput, match="first bin"):
        pulse_responses(learned, [Pulse(start_s=0.0)])
    with pytest.raises(InvalidInput, match="within the trial"):
        pulse_responses(learned, [Pulse(start_s=0.99)])
    few = dataclasses.replace(learned, test=trials.test.select(slice(0, 4)), _kept={})
    with pytest.raises(InvalidInput, match="at least 10"):
        pulse_responses(few)
    other = neurodyn.load("lorenz", trials=20)
    assert not has_pulses(dataclasses.replace(learned, train=other, test=other, _kept={}))
