"""A tiny model of every kind the interfaces must hold, with the data it is for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.estimator import Estimator
from neurodyn.models.base import Model, Output

TRIALS, BINS, UNITS = 40, 12, 8


@dataclass(frozen=True)
class StubConfig:
    """Options of the stubs."""

    width: int = 6
    """Hidden units."""


def _padded(values: Tensor, bins: int) -> Tensor:
    return nn.functional.pad(values, (0, 0, 0, bins - values.shape[1]))


class VideoEncoder(Model):
    """Predicts a population from a video on a clock of its own; it never sees the population."""

    Config: ClassVar = StubConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        session = spec.only
        height, width = session.signals["movie"].shape
        self.filter = nn.Linear(height * width, config.width)
        self.readout = nn.Linear(config.width, session.units)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        frames = torch.tanh(self.filter(observed.signals["movie"].flatten(2)))
        latents = nn.functional.interpolate(frames.mT, observed.bins).mT
        return Output({observed.neural_name or "": self.readout(latents)[..., None]}, latents=latents)


class TaskNetwork(Model):
    """A recurrent network driven by a task's input and trained on the task's target; nothing was recorded."""

    Config: ClassVar = StubConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.cell = nn.RNNCell(spec.only.width("input"), config.width)
        self.readout = nn.Linear(config.width, 2 * spec.only.width("target"))

    def initial_state(self, trials: int) -> Tensor:
        return self.readout.weight.new_zeros(trials, self.config.width)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        return self.cell(inputs, state)

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        return {"target": self.readout(state).unflatten(-1, (-1, 2))}

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        state, states = self.initial_state(observed.trials), []
        for inputs in observed.signals["input"].unbind(1):
            state = self.step(state, inputs)
            states.append(state)
        latents = torch.stack(states, 1)
        return Output(self.decode(latents), latents=latents)


class LabelModel(Model):
    """Predicts a population from one label a trial."""

    Config: ClassVar = StubConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        session = spec.only
        self.rates = nn.Linear(session.signals["contrast"].shape[0], session.units)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        log_rates = self.rates(observed.signals["contrast"])[:, None].expand(-1, observed.bins, -1)
        return Output({observed.neural_name or "": log_rates[..., None]})


class Stitcher(Model):
    """Sessions of different size through one shared layer, with a read-in and a read-out for each."""

    Config: ClassVar = StubConfig

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.read_in = nn.ModuleList(nn.Linear(s.heldin, config.width) for s in spec.sessions)
        self.shared = nn.Linear(config.width, config.width)
        self.read_out = nn.ModuleList(nn.Linear(config.width, s.units) for s in spec.sessions)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        hidden = torch.tanh(self.shared(self.read_in[observed.session](observed.neural)))
        latents = _padded(hidden, observed.bins)
        return Output({observed.neural_name or "": self.read_out[observed.session](latents)[..., None]}, latents)


class Privileged(Model):
    """Looks at behaviour while it is trained, and does without afterwards; noisy in between, with a posterior."""

    Config: ClassVar = StubConfig
    uses_privileged: ClassVar[bool] = True

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        session = spec.only
        self.encode = nn.Linear(session.heldin, config.width)
        self.behave = nn.Linear(session.width("behaviour"), config.width)
        self.readout = nn.Linear(config.width, session.units)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        hidden = self.encode(observed.neural)
        if privileged is not None:
            behaviour = torch.cat([v.nan_to_num() for v in privileged.values()], -1)
            hidden = hidden + self.behave(behaviour[:, : hidden.shape[1]])
        if self.samples_posterior:
            hidden = hidden + 0.1 * torch.randn_like(hidden)
        kl = hidden.square().mul(observed.mask[..., None]).sum((1, 2))
        latents = _padded(hidden, observed.bins)
        return Output({observed.neural_name or "": self.readout(latents)[..., None]}, latents, kl={"state": kl})


def population(trials: int = TRIALS, units: int = UNITS, seed: int = 0, **more: Any) -> Trials:
    """Counts with a rate shared by the units of a trial; two units held out, two forward bins, trials of different length, behaviour."""
    rng = np.random.default_rng(seed)
    gain = rng.gamma(3.0, 0.3, (trials, BINS, 1))
    mask = np.ones((trials, BINS), bool)
    mask[::4, -4:] = False
    given = {
        "counts": rng.poisson(gain * np.linspace(0.3, 1.2, units)),
        "behaviour": np.cumsum(rng.normal(size=(trials, BINS, 2)), 1),
        "mask": mask,
        "heldin": np.r_[0 : units - 3, units - 1],
        "forward": 2,
        "conditions": np.arange(trials) % 3,
        "split": np.repeat(["train", "valid", "test"], [trials - 16, 8, 8]),
    }
    return Trials.from_arrays(**{**given, **more}, bin_s=0.02)


def with_video() -> Trials:
    """A population watching a 4 × 5 video at half the clock."""
    return population(stimulus={"movie": np.random.default_rng(1).normal(size=(TRIALS, BINS // 2, 4, 5))})


def with_labels() -> Trials:
    """A population with two numbers a trial."""
    return population(stimulus={"contrast": np.random.default_rng(2).normal(size=(TRIALS, 2))})


def with_areas() -> Trials:
    """The population recorded in two areas, whose units are mixed."""
    return population(unit_table=pd.DataFrame({"area": ["PPC", "PFC"] * (UNITS // 2)}))


def aligned() -> Trials:
    """The population for models that predict nothing ahead."""
    return population(forward=0)


def task() -> Trials:
    """A task without a recording: integrate three inputs into two targets."""
    inputs = np.random.default_rng(3).normal(size=(TRIALS, BINS, 3))
    mask = np.ones((TRIALS, BINS), bool)
    mask[::3, -3:] = False
    targets = np.cumsum(inputs, 1)[..., :2] * 0.3
    split = np.repeat(["train", "valid", "test"], [TRIALS - 16, 8, 8])
    return Trials.from_arrays(bin_s=0.02, inputs=inputs, targets=targets, mask=mask, split=split)


def two_sessions() -> list[Trials]:
    """Two sessions with other units and another number of trials."""
    small = population(24, 5, seed=4)
    return [population(), dataclasses.replace(small, session="small", name="small")]


@dataclass(frozen=True)
class Case:
    """A model and data for it."""

    model: str | type[Model]
    data: Callable[[], Trials | list[Trials]]


STUBS = {
    "video": Case(VideoEncoder, with_video),
    "task": Case(TaskNetwork, task),
    "labels": Case(LabelModel, with_labels),
    "sessions": Case(Stitcher, two_sessions),
    "privileged": Case(Privileged, population),
}
DATA: dict[str, Callable[[], Trials | list[Trials]]] = {
    "pnba": aligned,
    "task_rnn": task,
    "multi_area_lfads": with_areas,
}
"""Of models that cannot have the usual population."""
CASES = {**STUBS, **{name: Case(name, DATA.get(name, population)) for name in registry.names("models")}}


@dataclass(frozen=True)
class Trained:
    """A model after two epochs, its run folder and its data."""

    case: Case
    estimator: Estimator
    sessions: list[Trials]
    run: Path


def fit_briefly(
    case: Case, data: Trials | list[Trials], out: Path | None = None, *, epochs: int = 2, resume: bool = False
) -> Estimator:
    """A few epochs of whatever trains the model, at one learning rate."""
    train = {"epochs": epochs, "batch_size": 12, "burn_in_epochs": 0, "warmup_epochs": 0, "schedule": "constant"}
    return Estimator(case.model, train=train, out=out, resume=resume, progress=False).fit(data)
