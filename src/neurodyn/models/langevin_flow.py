"""LangevinFlow: a sequential variational autoencoder whose latents obey the under-damped Langevin equation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.transforms.masking import Masking, MaskingConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.dynamics.integrators.base import Coefficients, Integrator
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.behaviour_encoder import BehaviourEncoder
from neurodyn.models.parts.langevin_config import LangevinFlowConfig
from neurodyn.models.parts.langevin_path import Drive, path_kl, roll_path
from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.online_path import OnlinePath
from neurodyn.models.parts.path_decoder import PathDecoder
from neurodyn.models.parts.priors import counted_bins
from neurodyn.models.parts.published_langevin import PublishedLangevin
from neurodyn.models.parts.read_in import ReadIn
from neurodyn.models.parts.session_maps import start_at_means
from neurodyn.models.potentials.base import Potential, inverse_softplus
from neurodyn.models.readouts.linear import Linear, LinearConfig

_SIZES = {True: (48, 64), False: (64, 100)}
"""Dimensions and encoder units left open, for fewer than 64 held-in units and for more."""
_PUBLISHED_SIZE = 280
_LOG_VARIANCE = (-8.0, 2.0)
"""Bounds of the log variance of the first bin's posterior."""
_LOG_SCALE = (-5.0, 2.0)
"""Bounds of ρ."""


class LangevinFlow(Model):
    """Single-trial rates from a position and a velocity that inertia, friction, a learned potential, noise and inferred inputs move.

    An encoder reads the held-in units; it gives the posterior of the first position and velocity and, bin by bin, the inputs that drive the path. Rates are decoded
    from position and velocity. The KL of the path from the Langevin equation's own is exact. Source: Song et al. 2025, arXiv:2507.11531, repaired: see the docs.

    Args:
        config: physics, sizes and regularisation.
        spec: sizes of the data, of one session.

    Raises:
        InvalidInput: no population, several sessions, or a step that the integrator cannot take at the potential's first frequencies.
    """

    Config: ClassVar = LangevinFlowConfig
    default_objective: ClassVar[str] = "elbo"
    objective_defaults: ClassVar[Mapping[str, Any]] = {"kl_unit": "bound", "kl_scale": 0.03}
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 5e-3,
        "epochs": 260,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }
    has_dynamics: ClassVar[bool] = True

    def __init__(self, config: LangevinFlowConfig, spec: DataSpec) -> None:
        session = spec.only
        if session.neural is None:
            raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        super().__init__(config, spec)
        c, self.neural = config, session.neural
        parameters = self.observation(self.neural).parameters_per_channel
        size, encoder = _SIZES[session.heldin < 64]
        self.size = c.size or (size if c.mode == "default" else _PUBLISHED_SIZE)
        """D."""
        self.published: PublishedLangevin | None = None
        self.averages_log_rates = c.mode == "release"
        if c.mode != "default":
            self.published = self._published(session.heldin, session.units, parameters)
            return
        signal = session.signals[self.neural]
        self.step_size = signal.bin_s / c.time_unit_s
        """Δ: a bin in the dynamics' unit of time."""
        self.integrator: Integrator = registry.load("integrators", c.integrator)()
        self.potential: Potential = registry.load("potentials", registry.name_of(type(c.potential)))(
            c.potential, self.size
        )
        per_step = self.integrator.damping_per_step
        gamma = c.damping * (signal.bin_s if per_step else c.time_unit_s)
        if per_step and gamma >= 1:
            fix = "Lower model.damping, or choose baoab."
            raise InvalidInput("model.damping", c.damping, f"below {1 / signal.bin_s:g}: less than 1 a bin", fix)
        self.integrator.check(self.potential.stiffness() ** 0.5, self.step_size, gamma, "model.time_unit_s")
        self.raw_damping = nn.Parameter(torch.full((self.size,), inverse_softplus(gamma)), c.learn_damping)
        self.raw_temperature = nn.Parameter(torch.tensor(inverse_softplus(c.temperature)), c.learn_temperature)
        width = c.encoder or encoder
        self.encoding_width = width if c.causal else 2 * width
        """Width of the encoding."""
        self.read_in = ReadIn(session.heldin, None, logarithm=signal.kind == "spikes")
        self.behaviour_encoder = BehaviourEncoder.of(c.behaviour, spec, session.heldin)
        self.encoder = nn.GRU(session.heldin, width, bidirectional=not c.causal)
        self.initial_posterior = nn.Linear(self.encoding_width, 4 * self.size)
        self.driven: int = self.integrator.noises * self.size if c.inferred_inputs else 0
        """Inferred inputs."""
        if self.driven:
            self.input_posterior = nn.Linear(self.encoding_width, 2 * self.driven)
            self.feedback = nn.Parameter(torch.zeros(2 * self.size, self.driven)) if c.feedback else None
        self.decoder = PathDecoder(c, 2 * self.size, self.encoding_width)
        self.readout = Linear(LinearConfig(), self.decoder.width, session.units, parameters)
        with torch.no_grad():  # a path starts near rest, and undriven
            self.initial_posterior.weight.mul_(0.5)
            self.initial_posterior.bias.zero_()
            if self.driven:
                nn.init.normal_(self.input_posterior.weight, std=0.01)
                self.input_posterior.bias.zero_()

    def _published(self, heldin: int, units: int, parameters: int) -> PublishedLangevin:
        if parameters != 1:
            raise InvalidInput("model.observation", self.config.observation, "poisson in the published modes")
        settings = dataclasses.asdict(self.config.published)
        return PublishedLangevin(heldin=heldin, units=units, size=self.size, mode=self.config.mode, **settings)

    # -- physics ----------------------------------------------------------------------------------------------------

    def damping(self) -> Tensor:
        """γ of each dimension, in the dynamics' unit of time (divide by `config.time_unit_s` for 1/s); of the integrator `release` a step."""
        return F.softplus(self.raw_damping)

    def temperature(self) -> Tensor:
        """𝒯."""
        return F.softplus(self.raw_temperature)

    def coefficients(self) -> Coefficients:
        """The numbers of a step of one bin."""
        return self.integrator.coefficients(self.step_size, self.damping(), self.temperature())

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Coordinated dropout; windows that start anywhere in the training recording where the trials were cut from one."""
        rate = self.config.coordinated_dropout
        if self.published is not None:
            return [CoordinatedDropout(CoordinatedDropoutConfig(rate=rate, pass_rate=rate))]
        return [WindowShift(), Masking(MaskingConfig(ratio=rate, over="entry"))]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises activity and behaviour and starts the readout at the mean of every unit (mode `default`)."""
        super().prepare(sessions)
        if self.published is None:
            start_at_means(self.read_in, self.readout, self.observation(self.neural), sessions[0])

    def check(self, sessions: Sequence[Trials]) -> None:
        super().check(sessions)
        for trials in sessions:
            ahead = trials.known[:, trials.observed_bins :]
            if trials.forward and not ahead.any():
                fix = "Load trials whose forward bins were recorded, or set forward=0."
                raise InvalidInput(
                    "forward", f"{trials.forward} forward bins without counts", "counts to learn from", fix
                )

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates, latents [z ; v] and inferred inputs of a batch."""
        if self.published is not None:
            return self._as_published(observed)
        encoding = self._encoding(observed, privileged)
        means, log_variances = self.start(encoding[0])
        kl = {
            name: 0.5 * (mean.square() + log.exp() - 1 - log).sum(1)
            for name, mean, log in zip(("position", "velocity"), means, log_variances)
        }
        position, velocity = means
        steps, noise = observed.bins - 1, None
        drive = self._drive(encoding)
        if self.samples_posterior:
            position, velocity = (
                torch.addcmul(mean, torch.exp(0.5 * log), self.standard_normal(*mean.shape, trials=0, like=mean))
                for mean, log in zip(means, log_variances)
            )
            shape = (steps, self.integrator.noises, observed.trials, self.size)
            noise = self.standard_normal(*shape, trials=2, like=encoding)
        force_of = self.potential.prepared()
        path = roll_path(self.integrator, self.coefficients(), force_of, position, velocity, drive, noise, steps)
        hidden = {"encoding": encoding.transpose(0, 1), "state": path.states.transpose(0, 1)}
        if self.driven:
            each = path_kl(path.inputs, drive.log_scale)
            counted = counted_bins(observed)
            if counted is not None:
                each = each * counted[1 : len(each) + 1]
            kl["path"] = each.sum(0)
            hidden["kl_bins"] = F.pad(each, (0, 0, 1, 0)).t()
        inputs = self._inputs(path.inputs, observed)
        hidden["drive"] = inputs
        return Output(
            predictions={self.neural: self._decoded(hidden["state"], hidden["encoding"])},
            latents=hidden["state"],
            inputs=inputs if self.driven else None,
            kl=kl,
            hidden=hidden,
        )

    def _encoding(self, observed: Observed, privileged: Mapping[str, Tensor] | None) -> Tensor:
        """What the encoder makes of the observed bins, `(time, trial, encoding)`."""
        activity = self.read_in(observed.neural, observed.mask)
        if (
            observed.hidden is not None
        ):  # what is not known is no silence: the mean stands there, and what is known speaks louder
            visible = 1 - observed.hidden.to(activity.dtype).mean(2, keepdim=True)
            activity = activity.masked_fill(observed.hidden, 0) / visible.clamp_min(0.1).sqrt()
        if self.behaviour_encoder is not None:
            tokens = self.behaviour_encoder(privileged, observed)[:, : activity.shape[1]]
            activity = activity + tokens * observed.mask[..., None]
        encoded, _ = self.encoder(self._dropped(activity.transpose(0, 1).contiguous()))
        return self._dropped(encoded)

    def start(self, encoding: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Means and log variances of the first position and velocity."""
        position, position_log, velocity, velocity_log = self.initial_posterior(encoding).chunk(4, 1)
        return [position, velocity], [position_log.clamp(*_LOG_VARIANCE), velocity_log.clamp(*_LOG_VARIANCE)]

    def _drive(self, encoding: Tensor) -> Drive:
        """The posterior's drive of the steps to the observed bins after the first."""
        trials, noises = encoding.shape[1], self.integrator.noises
        if not self.driven:
            none = encoding.new_zeros(0, noises, trials, self.size)
            return Drive(none, none, None)
        both = self.input_posterior(encoding[1:]).unflatten(2, (2, noises, self.size)).permute(2, 0, 3, 1, 4)
        return Drive(both[0], both[1].clamp(*_LOG_SCALE), self.feedback)

    def drive_of(self, encoding: Tensor, state: Tensor) -> Tensor | None:
        """a of the step to one bin, `(trial, input)`, from the bin's encoding `(trial, encoding)` and the state [z ; v] before it."""
        if not self.driven:
            return None
        given: Tensor = self.input_posterior(encoding)[:, : self.driven]
        return given if self.feedback is None else given + state @ self.feedback

    def _inputs(self, driven: Tensor, observed: Observed) -> Tensor:
        """What `step` takes on the way to each bin, `(trial, time, input)`: zeros for the first and where the prior goes alone."""
        flat = driven.permute(2, 0, 1, 3).flatten(2)
        return F.pad(flat, (0, 0, 1, observed.bins - 1 - flat.shape[1]))

    def _dropped(self, x: Tensor) -> Tensor:
        rate = self.config.dropout
        if not self.training or rate == 0:
            return x
        return x * keep_mask(x.shape, rate, device=x.device, dtype=x.dtype)

    def _decoded(self, states: Tensor, encoding: Tensor) -> Tensor:
        """Observation parameters `(trial, time, unit, parameter)` of [z ; v] and, where the decoder sees it, the encoding."""
        return self.readout(self.decoder(self._dropped(states), encoding))  # type: ignore[no-any-return]

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        if self.published is not None:
            joined = torch.cat([latents, output.hidden["encoding"]], 2)
            return {self.neural: self.published.decode(joined).unsqueeze(-1)}
        return {self.neural: self._decoded(latents, output.hidden["encoding"])}

    def _as_published(self, observed: Observed) -> Output:
        assert self.published is not None
        counts = observed.neural * observed.mask[..., None]
        draw = functools.partial(self.standard_normal, trials=1, like=counts) if self.samples_posterior else None
        log_rates, latents, kl = self.published(counts, observed.bins, draw=draw, counted=counted_bins(observed))
        state = latents[..., : 2 * self.size]
        hidden = {"encoding": latents[..., 2 * self.size :], "state": state}
        return Output({self.neural: log_rates.unsqueeze(-1)}, latents=state, kl=kl, hidden=hidden)

    # -- the dynamics -----------------------------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        """At rest at the origin, the prior's mean: [z ; v] `(trial, 2 dimension)`."""
        self._offered()
        return self.raw_damping.new_zeros(trials, 2 * self.size)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """One bin of the dynamics without noise: states `(trial, 2 dimension)`, inferred inputs a `(trial, input)` (width 0 for none)."""
        self._offered()
        return self.advanced(state, inputs, self.coefficients(), self.potential.prepared())

    def advanced(
        self, state: Tensor, inputs: Tensor | None, coefficients: Coefficients, force_of: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """`step` with what does not change from step to step at hand; no inputs are zeros."""
        noises = self.integrator.noises
        if inputs is None or not inputs.shape[1]:
            inputs = state.new_zeros(len(state), noises * self.size)
        kick = inputs.view(len(state), noises, self.size).transpose(0, 1)
        position, velocity = state.chunk(2, 1)
        phase = self.integrator.start(position, velocity, force_of)
        return torch.cat(self.integrator.step(phase, force_of, kick, coefficients)[:2], 1)

    def online(self, streams: int = 1) -> OnlinePath:
        """Inference bin by bin, as counts come in, with constant memory: of a causal model with the decoder mlp or linear.

        Args:
            streams: how many run side by side.

        Raises:
            InvalidInput: a model that needs later bins, or whose decoder looks at all bins.
        """
        self._offered()
        return OnlinePath(self.eval(), streams)

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        """Observation parameters `(trial, unit, parameter)` of states [z ; v]."""
        self._offered()
        return {self.neural: self.readout(self.decoder.by_bin(state))}

    def _offered(self) -> None:
        if self.published is not None:
            raise InvalidInput("model.mode", self.config.mode, "default: the published latents hardly move rates")
