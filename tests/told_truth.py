"""A model that is told PFC's states and input, with dynamics of a structure of one's choice, and trials for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import torch

from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.data.signal import Signal
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import split_trials
from neurodyn.models.base import Model, Output
from neurodyn.simulate.noise import NoiseConfig
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
