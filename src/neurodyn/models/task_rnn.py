"""A rate network that is trained on a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.connectivity import Connectivity
from neurodyn.models.parts.leaky_credit import LeakyRun
from neurodyn.models.parts.leaky_recurrence import Leak, Path, drive_of, run
from neurodyn.models.parts.nonlinearities import nonlinearity
from neurodyn.models.parts.task_rnn_config import TaskRNNConfig
from neurodyn.observations.base import Observation
from neurodyn.observations.categorical import Categorical
from neurodyn.observations.squared_error import SquaredError

SPECTRAL_RADIUS = 1.5
"""Of the recurrent weights at gain 1, as they start."""
RELEASED_READOUT = 1.01
"""How much larger the released readout starts than the released code says."""
GAIN, RELEASED_GAIN = 0.5, 1.0
TIME_CONSTANTS, RELEASED_TIME_CONSTANT = (5, 10, 20, 50, 100, 200), 10
"""In bins."""
ROLES = ("stimulus", "input")


class TaskRNN(Model):
    """Leaky rate network from stimuli to outputs, trained by any learning rule.

    a_t = (1 − α) a_{t−1} + α (W h_{t−1} + W_in x_t + b),  h_t = φ(a_t) + ξ_t,  y_t = W_out h_t + b_out, with a learned a_{−1} and α = Δ/τ; `form` offers
    the other form too. Source: Miller & Fumarola 2012, doi:10.1162/NECO_a_00221; the network of Liu, Yang & Cueva 2025, arXiv:2506.06904.

    Its latents are the activity of all units.

    Args:
        config: size, dynamics and constraints.
        spec: sizes of the task, of one session.

    Raises:
        InvalidInput: no stimulus, no target, or a bin longer than a time constant.
    """

    alpha: Tensor
    Config: ClassVar = TaskRNNConfig
    default_objective: ClassVar[str] = "task"
    has_dynamics: ClassVar[bool] = True
    any_length: ClassVar[bool] = True
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "batch_size": 16,
        "learning_rate": 1e-3,
        "optimizer": "adam",
        "epochs": 50,
        "patience": 50,
        "warmup_epochs": 1,
        "gradient_clip": 1.0,
    }

    def __init__(self, config: TaskRNNConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        session, c = spec.only, config
        series = {n: s for n, s in session.signals.items() if s.kind in ("series", "classes")}
        self.input_names = [n for n, s in series.items() if s.role in ROLES]
        self.target_sizes = {n: s.shape[-1] for n, s in series.items() if s.role == "target"}
        if not self.input_names or not self.target_sizes:
            missing, role = ("no target", "target") if self.input_names else ("no stimulus", "stimulus")
            fix = "Give a task (neurodyn data list), or Trials.from_arrays(stimulus=..., targets=...)."
            raise InvalidInput("trials", missing, f"a series with the role {role}", fix)
        channels, outputs = sum(series[n].shape[-1] for n in self.input_names), sum(self.target_sizes.values())
        self.register_buffer("alpha", _leaks(c, series[self.input_names[0]].bin_s), persistent=False)
        self.phi = nonlinearity(c.nonlinearity)
        drawn = _released(c.released_seed, c.units, channels, outputs) if c.released_seed is not None else None
        weights, recurrent, readout = drawn or _drawn(c.units, channels, outputs)
        self.connectivity = Connectivity(c)
        self.input = nn.Parameter(weights / math.sqrt(channels))
        released = c.mode == "release"
        gain = c.gain if c.gain is not None else RELEASED_GAIN if released else GAIN
        start = SPECTRAL_RADIUS * recurrent / math.sqrt(c.units) * gain
        self.recurrent = nn.Parameter(self.connectivity.start(start, c))
        self.output = nn.Parameter(readout * (RELEASED_READOUT if released else 1.0))
        self.bias = nn.Parameter(torch.zeros(c.units))
        self.output_bias = nn.Parameter(torch.zeros(outputs))
        self.initial = nn.Parameter(torch.zeros(c.units))

    # -- the network ------------------------------------------------------------------------------------------------

    @property
    def leak(self) -> Leak:
        """What does not change while it learns."""
        return Leak(self.alpha.to(self.input), self.config.form, self.phi)

    @property
    def weights(self) -> Tensor:
        """Recurrent weights that activity passes through, `(unit, unit)`: the parameter under its constraints."""
        found: Tensor = self.connectivity(self.recurrent)
        return found

    def inputs_of(self, observed: Observed) -> Tensor:
        """What drives it, `(time, trial, channel)`."""
        values = [observed.signals[name].to(self.input) for name in self.input_names]
        return (values[0] if len(values) == 1 else torch.cat(values, 2)).transpose(0, 1).contiguous()

    def noise(self, inputs: Tensor) -> Tensor | None:
        """Noise of the activity `(time, trial, unit)`, in training."""
        sd = self.config.activity_noise if self.training else 0.0
        return None if sd == 0 else sd * torch.randn(*inputs.shape[:2], self.config.units).to(inputs)

    @torch.no_grad()
    def path(self, inputs: Tensor) -> Path:
        """What it goes through, without a graph, given `(time, trial, channel)`."""
        drive = drive_of(self.leak, inputs, self.input, self.bias)
        return run(self.leak, drive, self.weights, self.initial, self.noise(inputs))

    def said(self, activity: Tensor, outputs: Tensor, **hidden: Tensor) -> Output:
        """The output of activity `(time, trial, unit)` and readouts `(time, trial, output)`; `hidden` is reported beside the activity."""
        shown = activity.transpose(0, 1)
        parts = outputs.transpose(0, 1).split(list(self.target_sizes.values()), 2)  # type: ignore[no-untyped-call]
        predictions = {name: part.unsqueeze(-1) for name, part in zip(self.target_sizes, parts)}
        return Output(predictions, latents=shown, hidden={"activity": shown, **hidden})

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        inputs = self.inputs_of(observed)
        if not torch.is_grad_enabled():
            path = self.path(inputs)
            state = path.potential if self.config.form == "potential" else path.activity[1:]
            shown = {"state": state.transpose(0, 1), "drive": inputs.transpose(0, 1)}
            return self.said(path.activity[1:], path.read(self.output, self.output_bias), **shown)
        weights = self.input, self.bias, self.weights, self.initial, self.output, self.output_bias
        return self.said(*LeakyRun.apply(inputs, *weights, self.noise(inputs), self.leak))  # type: ignore[no-untyped-call]

    def observation(self, signal: str, session: int = 0) -> Observation:
        return Categorical() if self.spec.sessions[session].signals[signal].kind == "classes" else SquaredError()

    # -- dynamics ---------------------------------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        return self.initial.expand(trials, -1)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        current = inputs @ self.input.T + self.bias
        alpha = self.leak.alpha
        if self.config.form == "potential":
            return (1 - alpha) * state + alpha * (self.phi(state) @ self.weights.T + current)
        return (1 - alpha) * state + alpha * self.phi(state @ self.weights.T + current)

    def factors_of(self, state: Tensor) -> Tensor:
        """Activity of a state: what its latents are."""
        return self.phi(state) if self.config.form == "potential" else state

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        activity = self.factors_of(state)
        return {name: each.squeeze(1) for name, each in self._read(activity.unsqueeze(1)).items()}

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return self._read(latents)

    def _read(self, activity: Tensor) -> dict[str, Tensor]:
        parts = (activity @ self.output.T + self.output_bias).split(list(self.target_sizes.values()), -1)  # type: ignore[no-untyped-call]
        return {name: part.unsqueeze(-1) for name, part in zip(self.target_sizes, parts)}


def _leaks(config: TaskRNNConfig, bin_s: float) -> Tensor:
    """α of every unit.

    Raises:
        InvalidInput: a time constant shorter than a bin.
    """
    bins = (RELEASED_TIME_CONSTANT,) if config.mode == "release" else TIME_CONSTANTS
    constants = config.time_constants_s or tuple(number * bin_s for number in bins)
    if min(constants) < bin_s:
        fix = "Give longer time constants, or shorter bins."
        raise InvalidInput("model.time_constants_s", min(constants), f"at least a bin, {bin_s:g} s", fix)
    places = torch.arange(config.units) % len(constants)
    return bin_s / torch.tensor(constants, dtype=torch.float64)[places]


def _drawn(units: int, channels: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Standard normal input and recurrent weights, and a uniform readout."""
    bound = 1 / math.sqrt(units)
    return torch.randn(units, channels), torch.randn(units, units), torch.empty(outputs, units).uniform_(-bound, bound)


def _released(seed: int, units: int, channels: int, outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same as the release draws them; its code says which layers are made, and thrown away, on the way."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed + 2)
        weights, recurrent = torch.randn(units, channels), torch.randn(units, units)
        nn.Linear(channels, units)
        nn.Linear(units, units, bias=False)
        return weights, recurrent, nn.Linear(units, outputs).weight.detach()
