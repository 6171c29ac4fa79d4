"""A small network with two hidden layers that can be taught and can teach, and trials for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output

BINS, FORWARD, UNITS, HELDIN = 10, 3, 6, 4


@dataclass(frozen=True)
class LayersConfig:
    """Options of the network."""

    width: int = 5
    """Of its layers."""
    observation: Any = None
    """Likelihood."""


class Layers(Model):
    """Two layers bin by bin, and behaviour, if it takes any, added to the first."""

    Config: ClassVar = LayersConfig

    def __init__(self, config: Any, spec: DataSpec, privileged: bool = False) -> None:
        super().__init__(config, spec)
        self.first = nn.ModuleList(nn.Linear(s.heldin, config.width) for s in spec.sessions)
        self.second = nn.Linear(config.width, config.width)
        parameters = [self.observation(s.neural or "", i).parameters_per_channel for i, s in enumerate(spec.sessions)]
        self.out = nn.ModuleList(nn.Linear(config.width, s.units * p) for s, p in zip(spec.sessions, parameters))
        self.behave = nn.Linear(2, config.width) if privileged else None
        self.calls: list[tuple[Observed, Mapping[str, Tensor] | None]] = []

    @property
    def uses_privileged(self) -> bool:
        return self.behave is not None

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        self.calls.append((observed, privileged))
        seen = nn.functional.pad(observed.neural, (0, 0, 0, observed.bins - observed.neural.shape[1]))
        one = torch.tanh(self.first[observed.session](seen))
        if self.behave is not None and privileged:
            one = one + self.behave(privileged["behaviour"].nan_to_num())
        two = torch.tanh(self.second(one))
        out = self.out[observed.session](two)
        predictions = {observed.neural_name or "": out.unflatten(-1, (self.spec.sessions[observed.session].units, -1))}
        return Output(predictions, hidden={"layer_1": one, "layer_2": two})


def some_trials(trials: int = 12, seed: int = 0, **more: Any) -> Trials:
    rng = np.random.default_rng(seed)
    mask = np.ones((trials, BINS), bool)
    mask[::3, 8:] = False
    given: dict[str, Any] = {
        "counts": rng.poisson(0.8, (trials, BINS, UNITS)),
        "behaviour": rng.normal(size=(trials, BINS, 2)),
        "heldin": range(HELDIN),
        "forward": FORWARD,
        "mask": mask,
    }
    return Trials.from_arrays(**{**given, **more}, bin_s=0.02)


def network(trials: Trials | list[Trials], seed: int, privileged: bool = False, **config: Any) -> Layers:
    torch.manual_seed(seed)
    return Layers(LayersConfig(**config), DataSpec.of(trials), privileged)


class Bounded(Layers):
    """The network with an ELBO of its own."""

    default_objective: ClassVar[str] = "elbo"
    objective_defaults: ClassVar[Mapping[str, Any]] = {"l2_scale": 3.0, "loss_scale": 100.0}

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        output = super().forward(observed, privileged)
        return dataclasses.replace(
            output, kl={"z": torch.full((observed.trials,), 2.0)}, penalty={"l2": torch.ones(())}
        )


class Hollow(Layers):
    """The network without its hidden states."""

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        return dataclasses.replace(super().forward(observed, privileged), hidden={})
