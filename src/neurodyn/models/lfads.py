"""LFADS: a sequential variational autoencoder whose generator is a recurrent network with inferred inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.decoder_loop import Controller, Decoded, decode_loop
from neurodyn.models.parts.gru import ClippedGRU, run_stacked
from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.priors import AutoregressivePrior, NormalPrior
from neurodyn.models.parts.standardise import Standardise


@dataclass(frozen=True)
class LFADSConfig:
    """Sizes, priors and regularisation of LFADS."""

    mode: Literal["default", "release", "paper"] = "default"
    """`default`: as documented here. `release`: as lfads-torch runs it (raw counts in, readout bias at zero, one-sample KL, no window shift). `paper`: as in 2018 (the same, without coordinated dropout)."""
    generator: int | None = None
    """Units of the generator; by default 64 for fewer than 64 held-in units, else 128."""
    factors: int | None = None
    """Factors read from the generator; the latents. By default 20 or 60, likewise. 0: the generator's own states, without a map."""
    inferred_inputs: int | None = None
    """Inputs inferred by the controller; by default 2 or 8, likewise. 0 makes the generator autonomous."""
    initial_condition: int = 64
    """Dimensions of the initial condition's posterior."""
    initial_condition_encoder: int | None = None
    """Units, each way, of the encoder of the initial condition; by default 64 or 100, likewise."""
    input_encoder: int | None = None
    """Units, each way, of the encoder that feeds the controller; by default 64 or 100, likewise. With the size of the other encoder both run as one loop."""
    controller: int | None = None
    """Units of the controller; by default 64 or 100, likewise."""
    lag: int = 1
    """Bins between what the controller sees and the bin it acts on: encodings up to t − lag and from t + lag."""
    causal: bool = False
    """Leave out the encoding of the future: the controller sees bins up to t − lag only (the initial condition still sees all)."""
    known_inputs: bool = False
    """Give the trials' signals of role `input` to the generator."""
    dropout: float = 0.3
    """Dropout of the encoder's input and final state, of the controller's input, and of the generator on its way to the factors."""
    coordinated_dropout: float = 0.3
    """Share of the input hidden from the encoder in training; only the hidden part trains the reconstruction."""
    cell_clip: float = 5.0
    """Largest absolute value of any recurrent state."""
    input_prior: Literal["autoregressive", "normal"] = "autoregressive"
    """Prior of the inferred inputs: an AR(1) process with trained time constant and variance, or independent N(m, v)."""
    input_prior_time_constant: float = 10.0
    """τ of the AR(1) prior at the start, in bins."""
    input_prior_variance: float = 0.1
    """Innovation variance of the AR(1) prior at the start, or v of the normal prior."""
    initial_condition_prior_variance: float = 0.1
    """Fixed variance of the initial condition's prior; its mean is trained."""
    posterior_variance_floor: float = 1e-4
    """Smallest variance of the initial condition's posterior."""
    l2_generator: float = 1e-2
    """Weight of the generator's recurrent matrix in the L2 penalty."""
    l2_controller: float = 1e-2
    """Weight of the controller's recurrent matrix in the L2 penalty."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        for name in ("generator", "initial_condition", "initial_condition_encoder"):
            self._check_size(name, 1)
        for name in ("factors", "inferred_inputs", "lag", "l2_generator", "l2_controller"):
            self._check_size(name, 0)
        for name in ("input_encoder", "controller"):
            self._check_size(name, 0 if self.inferred_inputs == 0 else 1)
        check_range("model.dropout", self.dropout, 0, 0.99)
        check_range("model.coordinated_dropout", self.coordinated_dropout, 0, 0.99)
        for name in (
            "cell_clip",
            "input_prior_time_constant",
            "input_prior_variance",
            "initial_condition_prior_variance",
        ):
            check_range(f"model.{name}", getattr(self, name), 0, open_low=True)
        check_range("model.posterior_variance_floor", self.posterior_variance_floor, 0)

    def _check_size(self, name: str, least: int) -> None:
        if (value := getattr(self, name)) is not None:
            check_range(f"model.{name}", value, least)

    def for_units(self, heldin: int) -> LFADSConfig:
        """With every size that was left out chosen by the number of held-in units."""
        sizes = _SMALL if heldin < 64 else _LARGE
        missing: dict[str, Any] = {name: size for name, size in sizes.items() if getattr(self, name) is None}
        return dataclasses.replace(self, **missing)


_SIZES = ("generator", "factors", "inferred_inputs", "initial_condition_encoder", "input_encoder", "controller")
_SMALL = dict(zip(_SIZES, (64, 20, 2, 64, 64, 64)))
_LARGE = dict(zip(_SIZES, (128, 60, 8, 100, 100, 100)))


class LFADS(Model):
    """Single-trial rates from a learned dynamical system with inferred initial conditions and inputs.

    Encoders read the held-in units both ways in time; the first gives the posterior of the initial condition, the second feeds a
    controller that infers the generator's inputs bin by bin; factors are a row-normalised linear map of the generator; rates are
    log-linear in the factors. Sources: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9; Keshtkaran et al. 2022,
    doi:10.1038/s41592-022-01675-0 (coordinated dropout).

    Args:
        config: sizes, priors and regularisation.
        spec: sizes of the data; one session.

    Raises:
        InvalidInput: several sessions, no population, or `known_inputs` without a signal of role `input`.
    """

    Config: ClassVar = LFADSConfig
    default_objective: ClassVar[str] = "elbo"
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 8e-3,
        "epochs": 260,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }
    has_dynamics: ClassVar[bool] = True

    def __init__(self, config: LFADSConfig, spec: DataSpec) -> None:
        session = spec.only
        super().__init__(config.for_units(session.heldin), spec)
        c = self.config
        if session.neural is None:
            raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        known = session.width("input") if c.known_inputs else 0
        if c.known_inputs and not known:
            raise InvalidInput("model.known_inputs", True, "trials with a series of role `input`", "Set it to false.")
        self.known, self.neural, channels = known, session.neural, session.heldin
        spikes = session.signals[session.neural].kind == "spikes"
        self.standardise = Standardise(channels, logarithm=spikes)
        if known:
            self.standardise_known = Standardise(known, logarithm=False, least=1e-12)
        e = c.initial_condition_encoder
        self.initial_encoder = nn.ModuleList(ClippedGRU(channels, e, encoder=True, clip=c.cell_clip) for _ in range(2))
        self.initial_encoder_start = nn.Parameter(torch.zeros(2, e))
        self.initial_posterior = _linear(2 * e, 2 * c.initial_condition)
        self.initial_prior = NormalPrior(c.initial_condition, c.initial_condition_prior_variance)
        self.to_generator = _linear(c.initial_condition, c.generator)
        inputs = c.inferred_inputs
        self.width = width = c.factors or c.generator
        """Number of factors."""
        if inputs:
            e = c.input_encoder
            ways = 1 if c.causal else 2
            self.input_encoder = nn.ModuleList(
                ClippedGRU(channels, e, encoder=True, clip=c.cell_clip) for _ in range(ways)
            )
            self.input_encoder_start = nn.Parameter(torch.zeros(ways, e))
            self.controller = ClippedGRU(ways * e + width, c.controller, clip=c.cell_clip)
            self.controller_start = nn.Parameter(torch.zeros(c.controller))
            self.input_posterior = _linear(c.controller, 2 * inputs)
            self.input_prior: AutoregressivePrior | NormalPrior = (
                AutoregressivePrior(inputs, c.input_prior_time_constant, c.input_prior_variance)
                if c.input_prior == "autoregressive"
                else NormalPrior(inputs, c.input_prior_variance)
            )
        self.generator = ClippedGRU(inputs + known, c.generator, clip=c.cell_clip)
        if c.factors:
            self.factor_weight = nn.Parameter(torch.randn(c.factors, c.generator) / c.generator**0.5)
            """Rows are normalised at every use."""
        self.parameters_per_unit = self.observation(session.neural).parameters
        self.readout = _linear(width, session.units * self.parameters_per_unit)

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Coordinated dropout; windows that start anywhere in the training recording where the trials were cut from one."""
        hide = CoordinatedDropout(CoordinatedDropoutConfig(rate=self.config.coordinated_dropout))
        if self.config.mode == "paper":
            return []
        return [WindowShift(), hide] if self.config.mode == "default" else [hide]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises the encoder's and the known inputs and starts the readout at the mean of every unit (mode `default`)."""
        if self.config.mode != "default":
            return
        trials = sessions[0]
        seen, channels = trials.observed_bins, len(trials.heldin)
        values = torch.as_tensor(trials.neural.values[:], dtype=torch.float64)[:, :, torch.as_tensor(trials.unit_order)]
        mask = torch.as_tensor(trials.mask)
        self.standardise.fit(values[:, :seen, :channels][mask[:, :seen]])
        if self.known:
            given = self._given(Batch.of(trials).observed).transpose(0, 1)
            self.standardise_known.fit(given[mask[:, : given.shape[1]]])
        known = torch.as_tensor(trials.known[..., trials.unit_order] if trials.known.shape[2] > 1 else trials.known)
        mean = (values.masked_fill(~known, 0).sum((0, 1)) / known.sum((0, 1)).clamp_min(1)).clamp_min(1e-4)
        with torch.no_grad():
            bias = self.observation(self.neural).from_mean(mean)
            self.readout.bias.copy_(bias.t().reshape(-1))
            self.readout.weight.mul_(0.5)

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates, factors and inferred inputs of a batch."""
        x = self._dropped(self.standardise(observed.neural, observed.mask).transpose(0, 1).contiguous())
        initial, encoded = self._encode(x)
        mean, log_variance = self.initial_posterior(self._dropped(initial)).chunk(2, 1)
        variance = log_variance.exp() + self.config.posterior_variance_floor
        code = mean + variance.sqrt() * torch.randn_like(mean) if self.samples_posterior else mean
        decoded = self._decode(self.to_generator(code), encoded, observed)
        parameters = self._read_out(decoded.factors)
        kl = {"initial_condition": self.initial_prior.kl(mean, variance)}
        inputs = decoded.inputs
        if decoded.posterior is not None:
            kl["inputs"] = self._inputs_kl(*decoded.posterior.chunk(2, 2))
        hidden = {"generator": decoded.generator.transpose(0, 1), "initial_condition": mean}
        if decoded.controller is not None:
            hidden["controller"] = decoded.controller.transpose(0, 1)
        return Output(
            predictions={self.neural: parameters},
            latents=decoded.factors.transpose(0, 1),
            inputs=None if inputs is None else inputs.transpose(0, 1),
            kl=kl,
            penalty=self._penalty(),
            hidden=hidden,
        )

    def _dropped(self, x: Tensor) -> Tensor:
        mask = self._mask(*x.shape)
        return x if mask is None else x * mask

    def _mask(self, *shape: int) -> Tensor | None:
        if not self.training or self.config.dropout == 0:
            return None
        weight = self.readout.weight
        return keep_mask(shape, self.config.dropout, device=weight.device, dtype=weight.dtype)

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Input `(time, trial, unit)` to the final states `(trial, 2 * encoder)` and lagged encodings `(time, trial, ways * encoder)`."""
        both_ways = torch.stack([x, x.flip(0)])
        first: list[Any] = list(self.initial_encoder)
        starts = list(self.initial_encoder_start)
        second: list[Any] = list(self.input_encoder) if self.config.inferred_inputs else []
        if second and first[0].size == second[0].size and len(second) == 2:
            states = run_stacked(both_ways, first + second, starts + list(self.input_encoder_start))
            initial, encoded = states[:2], states[2:]
        else:
            initial = run_stacked(both_ways, first, starts)
            encoded = (
                run_stacked(both_ways[: len(second)], second, list(self.input_encoder_start)) if second else initial[:0]
            )
        final = torch.cat([initial[0, -1], initial[1, -1]], 1)
        if not second:
            return final, None
        lag = min(self.config.lag, len(x))
        nothing = x.new_zeros(lag, x.shape[1], second[0].size)
        parts = [torch.cat([nothing, encoded[0, : len(x) - lag]])]
        if len(second) == 2:  # the backward network ran in reversed time
            parts.append(torch.cat([encoded[1, : len(x) - lag].flip(0), nothing]))
        return final, torch.cat(parts, 2)

    def _decode(self, first: Tensor, encoded: Tensor | None, observed: Observed) -> Decoded:
        """From the generator's first state and the lagged encodings to factors of all `observed.bins`, forward ones included."""
        c, steps, trials = self.config, observed.bins, observed.trials
        controller = None
        if encoded is not None:
            seen, ways = len(encoded), encoded.shape[2]
            weight = self.controller.input_weight
            flat = self._dropped(encoded).reshape(-1, ways)
            projected = torch.addmm(self.controller.bias, flat, weight[:ways]).view(seen, trials, -1)
            if steps > seen:  # nothing is seen of the forward bins
                projected = torch.cat([projected, self.controller.bias.expand(steps - seen, trials, -1)])
            controller = Controller(
                encoded=projected,
                first=self.controller_start.expand(trials, -1),
                from_factors=weight[ways:],
                recurrent=self.controller.recurrent_weight,
                to_inputs=self.input_posterior.weight.t(),
                inputs_bias=self.input_posterior.bias,
                to_generator=self.generator.input_weight[: c.inferred_inputs],
                noise=first.new_empty(steps, trials, c.inferred_inputs).normal_() if self.samples_posterior else None,
                factor_mask=self._mask(steps, trials, self.width),
            )
        driven: Tensor = self.generator.bias
        if self.known:
            driven = driven + self._known_inputs(observed) @ self.generator.input_weight[c.inferred_inputs :]
        mask = self._mask(steps + 1, trials, c.generator)
        weight = self.generator.recurrent_weight
        return decode_loop(
            first,
            driven,
            weight,
            self._to_factors(),
            steps,
            controller=controller,
            generator_mask=mask,
            clip=c.cell_clip,
        )

    def _given(self, observed: Observed) -> Tensor:
        """Known inputs as they are, `(time, trial, input)`."""
        names = [n for n, s in self.spec.only.signals.items() if s.role == "input" and s.kind == "series"]
        return torch.cat([observed.signals[n] for n in names], 2).transpose(0, 1)[: observed.bins]

    def _known_inputs(self, observed: Observed) -> Tensor:
        given = self.standardise_known(self._given(observed))
        given = F.pad(given, (0, 0, 0, 0, 0, observed.bins - len(given)))
        return given if self.config.mode == "default" else self._dropped(given)

    def _to_factors(self) -> Tensor:
        """W_f `(generator, factor)`."""
        if not self.config.factors:
            return torch.eye(self.width, device=self.readout.weight.device, dtype=self.readout.weight.dtype)
        return F.normalize(self.factor_weight, dim=1).t()

    def _read_out(self, factors: Tensor) -> Tensor:
        """Factors `(time, trial, factor)` to observation parameters `(trial, time, unit, parameter)`."""
        time, trials, width = factors.shape
        flat = self.readout(factors.reshape(-1, width)).view(time, trials, self.parameters_per_unit, -1)
        return flat.permute(1, 0, 3, 2)  # type: ignore[no-any-return]

    def _inputs_kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        prior = self.input_prior
        if isinstance(prior, NormalPrior):
            each = prior.kl(mean, log_variance.exp(), log_variance)
            return each.mean(0) if self.config.mode == "release" else each.sum(0)
        return prior.kl(mean, log_variance) if self.config.mode == "default" else prior.sampled_kl(mean, log_variance)

    def _penalty(self) -> dict[str, Tensor]:
        """Σ w ½‖W‖² / Σ entries over the recurrent matrices with a weight w > 0."""
        pairs = [(self.config.l2_generator, self.generator)]
        if self.config.inferred_inputs:
            pairs.append((self.config.l2_controller, self.controller))
        used = [(w, cell.recurrent_weight) for w, cell in pairs if w > 0]
        if not used:
            return {}
        total = torch.stack([w * 0.5 * matrix.square().sum() for w, matrix in used]).sum()
        return {"recurrent_l2": total / (sum(m.numel() for _, m in used) + 1e-8)}

    # -- the dynamics -----------------------------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        """The generator's state at the prior mean of the initial condition, `(trial, generator)`."""
        return self.to_generator(self.initial_prior.mean).expand(trials, -1)  # type: ignore[no-any-return]

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """One step of the generator: states `(trial, generator)`, inferred then known inputs `(trial, input)`."""
        return self.generator(inputs, state)  # type: ignore[no-any-return]

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        """Observation parameters `(trial, unit, parameter)` of generator states."""
        return {self.neural: self._read_out((state @ self._to_factors())[None])[:, 0]}


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Weights ~ N(0, 1/inputs), bias 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    nn.init.zeros_(layer.bias)
    return layer
