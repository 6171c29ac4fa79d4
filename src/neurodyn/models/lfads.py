"""LFADS: a sequential variational autoencoder whose generator is a recurrent network with inferred inputs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.generators.base import Generator
from neurodyn.models.parts.behaviour_encoder import BehaviourEncoder
from neurodyn.models.parts.decoder_loop import Controller, Decoded, decode_loop
from neurodyn.models.parts.decoder_steps import decode_steps
from neurodyn.models.parts.gru import ClippedGRU
from neurodyn.models.parts.lagged_encoders import encode
from neurodyn.models.parts.lfads_config import LFADSConfig, known_width
from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.priors import AutoregressivePrior, NormalPrior, counted_bins
from neurodyn.models.parts.read_in import ReadIn
from neurodyn.models.parts.scaled_linear import scaled_linear
from neurodyn.models.parts.session_maps import fit_readout, start_aligned, start_at_means
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.parts.stitching import SharedAverages, principal_component_regression, regressed_onto
from neurodyn.models.parts.trial_averages import TrialAverages, trial_averages
from neurodyn.models.readouts.base import Readout

_GENERATOR_SIZE = {True: 64, False: 128}
"""Of a generator that leaves its size open, for fewer than 64 held-in units and for more."""


class LFADS(Model):
    """Single-trial rates from a learned dynamical system with inferred initial conditions and inputs.

    Encoders read the held-in units both ways in time; the first gives the posterior of the initial condition, the second feeds a
    controller that infers the generator's inputs bin by bin; factors are a row-normalised linear map of the generator; rates are
    log-linear in the factors. Several sessions share everything but the maps from and to their units. Sources: Pandarinath et al. 2018,
    doi:10.1038/s41592-018-0109-9; Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0 (coordinated dropout).

    Args:
        config: sizes, priors and regularisation.
        spec: sizes of the data.

    Raises:
        InvalidInput: no population, more factors than units, a rank above the generator's size, or `known_inputs` without a signal of role `input`.
    """

    Config: ClassVar = LFADSConfig
    default_objective: ClassVar[str] = "elbo"
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 8e-3,
        "epochs": 260,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }
    adaptation_defaults: ClassVar[Mapping[str, Any]] = {"epochs": 60, "weight_decay": 0.0}
    has_dynamics: ClassVar[bool] = True

    def __init__(self, config: LFADSConfig, spec: DataSpec) -> None:
        sessions = spec.sessions
        for session in sessions:
            if session.neural is None:
                raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        super().__init__(config.for_sessions(sessions), spec)
        c = self.config
        self.known = known_width(spec) if c.known_inputs else 0
        """Known inputs."""
        leaf = registry.load("generators", registry.name_of(type(c.generator)))
        size = c.generator.size or _GENERATOR_SIZE[max(s.heldin for s in sessions) < 64]
        self.stitched = len(sessions) > 1 and c.stitch != 0
        """Whether every session goes through a map onto shared channels; else the units of the first (or only) one are these channels."""
        self.channels = channels = (c.stitch or c.factors or size) if self.stitched else sessions[0].heldin
        """Channels of the encoders."""
        spikes = [s.signals[s.neural or ""].kind == "spikes" for s in sessions]
        widths = [channels if i or self.stitched else None for i in range(len(sessions))]
        self.read_in: Sequence[ReadIn] = nn.ModuleList(  # type: ignore[assignment]
            ReadIn(s.heldin, width, logarithm=counts) for s, width, counts in zip(sessions, widths, spikes)
        )
        self.behaviour_encoder = BehaviourEncoder.of(c.behaviour, spec, channels)
        self.shared_averages = SharedAverages()
        self._kept: tuple[Observed, tuple[Tensor | None, Tensor | None]] | None = None
        if self.known:
            self.standardise_known = Standardise(self.known, logarithm=False, least=1e-12)
        self.informed: bool = leaf.trained
        """Whether the initial condition of a trial is inferred."""
        if self.informed:
            e = c.initial_condition_encoder
            self.initial_encoder = nn.ModuleList(
                ClippedGRU(channels, e, encoder=True, clip=c.cell_clip) for _ in range(2)
            )
            self.initial_encoder_start = nn.Parameter(torch.zeros(2, e))
            self.initial_posterior = scaled_linear(2 * e, 2 * c.initial_condition)
            self.initial_prior = NormalPrior(c.initial_condition, c.initial_condition_prior_variance)
        self.to_generator = scaled_linear(c.initial_condition, size).requires_grad_(self.informed)
        inputs = c.inferred_inputs
        self.width = width = c.factors or size
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
            self.input_posterior = scaled_linear(c.controller, 2 * inputs)
            self.input_prior: AutoregressivePrior | NormalPrior = (
                AutoregressivePrior(inputs, c.input_prior_time_constant, c.input_prior_variance)
                if c.input_prior == "autoregressive"
                else NormalPrior(inputs, c.input_prior_variance)
            )
        self.generator: Generator = leaf(c.generator, inputs + self.known, size, c.cell_clip)
        if c.factors:
            self.factor_weight = nn.Parameter(torch.randn(c.factors, size) / size**0.5)
            """Rows are normalised at every use."""
        readout = registry.load("readouts", registry.name_of(type(c.readout)))
        self.readouts: Sequence[Readout] = nn.ModuleList(  # type: ignore[assignment]
            readout(c.readout, width, s.units, self.observation(s.neural or "").parameters_per_channel)
            for s in sessions
        )

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Coordinated dropout; windows that start anywhere in the training recording where the trials were cut from one."""
        hide = CoordinatedDropout(CoordinatedDropoutConfig(rate=self.config.coordinated_dropout))
        if self.config.mode == "paper":
            return []
        return [WindowShift(), hide] if self.config.mode == "default" else [hide]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises the encoders' and the known inputs and starts the readouts at the mean of every unit (mode `default`); aligns sessions."""
        super().prepare(sessions)
        places = [self.session_of(trials) for trials in sessions]
        if self.config.mode == "default":
            for place, trials in zip(places, sessions):
                self._start_session(place, trials)
            if self.known:
                given = [self._given(Batch.of(t, session=i).observed) for i, t in zip(places, sessions)]
                rows = [g.transpose(0, 1)[torch.as_tensor(t.mask)[:, : len(g)]] for g, t in zip(given, sessions)]
                self.standardise_known.fit(torch.cat(rows))
        self._stitch(places, [trial_averages(t, self.read_in[i].standardise) for i, t in zip(places, sessions)])

    def _start_session(self, session: int, trials: Trials) -> None:
        observation = self.observation(self._neural(session), session)
        start_at_means(self.read_in[session], self.readouts[session], observation, trials)

    def _stitch(self, places: Sequence[int], averages: Sequence[tuple[TrialAverages, TrialAverages]]) -> None:
        """Starts the maps of several sessions where their averages meet, and keeps these for sessions that join later."""
        names, standard = [self.spec.sessions[place].name for place in places], self.config.mode == "default"
        given = dict(zip(places, averages))
        entering = {place: seen for place, (seen, _) in given.items()}
        if self.stitched:
            maps = principal_component_regression(given, self.channels, names, standard=standard)
        else:
            first = entering.get(0)
            later = [(i, pair) for i, pair in given.items() if i]
            maps = {i: regressed_onto(first, pair, self.channels, self.spec.sessions[i].name) for i, pair in later}
        for place, unit_map in maps.items():
            entering[place] = entering[place].mapped(unit_map.weight, unit_map.bias)
            observation = self.observation(self._neural(place), place)
            start_aligned(self.read_in[place], self.readouts[place], observation, unit_map, published=not standard)
        self.shared_averages.keep(list(entering.values()))

    # -- sessions that join a trained model -------------------------------------------------------------------------

    def grown(self, spec: DataSpec) -> LFADS:
        stitch, generator = self.channels if self.stitched else 0, self.config.generator
        generator = dataclasses.replace(generator, size=self.generator.size)
        model = LFADS(dataclasses.replace(self.config, generator=generator, stitch=stitch), spec)
        model.load_state_dict(self.state_dict(), strict=False)
        new = range(len(self.spec.sessions), len(spec.sessions))
        parts = [part for i in new for part in (model.readouts[i], model.observation(model._neural(i), i))]
        trained = [p for part in parts for p in part.parameters() if p.requires_grad]
        trained += [p for i in new for p in model.read_in[i].parameters()]
        model.requires_grad_(False)
        for parameter in trained:
            parameter.requires_grad_(True)
        return model.eval()

    def join(self, session: int, trials: Trials) -> None:
        if self.config.mode == "default":
            self._start_session(session, trials)
        averages = trial_averages(trials, self.read_in[session].standardise)
        shared, name = self.shared_averages.averages(), self.spec.sessions[session].name
        unit_map = regressed_onto(shared, averages, self.channels, name)
        self.read_in[session].start(unit_map.weight, unit_map.bias)
        observation = self.observation(self._neural(session), session)
        fit_readout(self.readouts[session], observation, trials, session, self)

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates, factors and inferred inputs of a batch."""
        final, encoded = self._encodings(observed, privileged)
        kl: dict[str, Tensor] = {}
        hidden: dict[str, Tensor] = {}
        if final is None:
            code = self._uninformed(observed.trials)
        else:
            mean, log_variance = self.initial_posterior(self._dropped(final)).chunk(2, 1)
            variance = log_variance.exp() + self.config.posterior_variance_floor
            code = mean + variance.sqrt() * torch.randn_like(mean) if self.samples_posterior else mean
            kl["initial_condition"] = self.initial_prior.kl(mean, variance)
            hidden["initial_condition"] = mean
        known = self._known_inputs(observed) if self.known else None
        decoded = self._decode(self.to_generator(code), encoded, known, observed)
        if decoded.posterior is not None:
            means, log_variances = decoded.posterior.chunk(2, 2)
            kl["inputs"] = self._inputs_kl(means, log_variances, counted_bins(observed))
        hidden["state"] = decoded.generator.transpose(0, 1)
        if decoded.controller is not None:
            hidden["controller"] = decoded.controller.transpose(0, 1)
        inputs = None if decoded.inputs is None else decoded.inputs.transpose(0, 1)
        hidden["drive"] = self._drive(inputs, observed)
        readout = self.readouts[observed.session]
        return Output(
            predictions={self._neural(observed.session): readout(decoded.factors).transpose(0, 1)},
            latents=decoded.factors.transpose(0, 1),
            inputs=inputs,
            kl=kl,
            penalty=self._penalty(),
            hidden=hidden,
        )

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return {self._neural(observed.session): self.readouts[observed.session](latents)}

    def _encodings(
        self, observed: Observed, privileged: Mapping[str, Tensor] | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Final states and lagged encodings of a batch; posterior samples of one batch in evaluation mode share them."""
        kept = self._kept
        if kept is not None and kept[0] is observed:
            return kept[1]
        activity = self.read_in[observed.session](observed.neural, observed.mask)
        if self.behaviour_encoder is not None:
            tokens = self.behaviour_encoder(privileged, observed)[:, : activity.shape[1]]
            activity = activity + tokens * observed.mask[..., None]
        found = self._encode(self._dropped(activity.transpose(0, 1).contiguous()))
        self._kept = (observed, found) if self._sampling and not self.training else None
        return found

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        try:
            with super().sampling():
                yield
        finally:
            self._kept = None

    def _dropped(self, x: Tensor) -> Tensor:
        mask = self._mask(*x.shape)
        return x if mask is None else x * mask

    def _mask(self, *shape: int) -> Tensor | None:
        if not self.training or self.config.dropout == 0:
            return None
        weight = self.to_generator.weight
        return keep_mask(shape, self.config.dropout, device=weight.device, dtype=weight.dtype)

    def _encode(self, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Input `(time, trial, channel)` to final states `(trial, 2 * encoder)` and lagged encodings `(time, trial, ways * encoder)`."""
        first: Any = self.initial_encoder if self.informed else ()
        second: Any = self.input_encoder if self.config.inferred_inputs else ()
        return encode(
            x,
            list(first),
            self.initial_encoder_start if self.informed else x.new_empty(0),
            list(second),
            self.input_encoder_start if self.config.inferred_inputs else None,
            self.config.lag,
        )

    def _uninformed(self, trials: int) -> Tensor:
        """Codes drawn from N(0, v) `(trial, initial_condition)`, or their mean."""
        c, weight = self.config, self.to_generator.weight
        zero = weight.new_zeros(trials, c.initial_condition)
        return c.initial_condition_prior_variance**0.5 * torch.randn_like(zero) if self.samples_posterior else zero

    def _decode(self, first: Tensor, encoded: Tensor | None, known: Tensor | None, observed: Observed) -> Decoded:
        """From the generator's first state and the lagged encodings to factors of all `observed.bins`, forward ones included."""
        c, steps, trials, cell = self.config, observed.bins, observed.trials, self.generator.cell
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
                to_generator=first.new_empty(0) if cell is None else cell.input_weight[: c.inferred_inputs],
                noise=first.new_empty(steps, trials, c.inferred_inputs).normal_() if self.samples_posterior else None,
                factor_mask=self._mask(steps, trials, self.width),
            )
        mask = self._mask(steps + 1, trials, self.generator.size)
        options: Any = dict(controller=controller, generator_mask=mask, clip=c.cell_clip)
        if cell is None:
            return decode_steps(first, known, self.generator, self._to_factors(), steps, **options)
        driven: Tensor = cell.bias
        if known is not None:
            driven = driven + known @ cell.input_weight[c.inferred_inputs :]
        return decode_loop(first, driven, cell.recurrent_weight, self._to_factors(), steps, **options)

    def _neural(self, session: int) -> str:
        return self.spec.sessions[session].neural or ""

    def _given(self, observed: Observed) -> Tensor:
        """Known inputs as they are, `(time, trial, input)`."""
        signals = self.spec.sessions[observed.session].signals
        names = [n for n, s in signals.items() if s.role == "input" and s.kind == "series"]
        return torch.cat([observed.signals[n] for n in names], 2).transpose(0, 1)[: observed.bins]

    def _known_inputs(self, observed: Observed) -> Tensor:
        given = self.standardise_known(self._given(observed))
        given = F.pad(given, (0, 0, 0, 0, 0, observed.bins - len(given)))
        return given if self.config.mode == "default" else self._dropped(given)

    def _drive(self, inputs: Tensor | None, observed: Observed) -> Tensor:
        """What `step` takes in each bin, `(trial, time, input)`: inferred inputs, then known ones in their own units."""
        parts = [] if inputs is None else [inputs]
        if self.known:
            given = self._given(observed)
            parts.append(F.pad(given, (0, 0, 0, 0, 0, observed.bins - len(given))).transpose(0, 1))
        return torch.cat(parts, 2) if parts else observed.neural.new_zeros(observed.trials, observed.bins, 0)

    def _to_factors(self) -> Tensor | None:
        """W_f `(generator, factor)`; None where factors are the states."""
        return F.normalize(self.factor_weight, dim=1).t() if self.config.factors else None

    def _inputs_kl(self, mean: Tensor, log_variance: Tensor, counted: Tensor | None) -> Tensor:
        prior = self.input_prior
        if isinstance(prior, NormalPrior):
            each = prior.kl(mean, log_variance.exp(), log_variance)
            if counted is not None:
                each = each * counted
            return each.mean(0) if self.config.mode == "release" else each.sum(0)
        if self.config.mode == "default":
            return prior.kl(mean, log_variance, counted)
        return prior.sampled_kl(mean, log_variance)

    def _penalty(self) -> dict[str, Tensor]:
        """Σ w ½‖W‖² / Σ entries over the recurrent matrices with a weight w > 0."""
        pairs = [(self.config.l2_generator, matrix) for matrix in self.generator.penalised()]
        if self.config.inferred_inputs:
            pairs.append((self.config.l2_controller, self.controller.recurrent_weight))
        used = [(w, matrix) for w, matrix in pairs if w > 0]
        if not used:
            return {}
        total = torch.stack([w * 0.5 * matrix.square().sum() for w, matrix in used]).sum()
        return {"recurrent_l2": total / (sum(m.numel() for _, m in used) + 1e-8)}

    # -- the dynamics -----------------------------------------------------------------------------------------------

    def initial_state(self, trials: int) -> Tensor:
        """The generator's state at the prior mean of the initial condition, `(trial, generator)`."""
        mean = self.initial_prior.mean if self.informed else self._uninformed(1)[0] * 0
        return self.to_generator(mean).expand(trials, -1)  # type: ignore[no-any-return]

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """One step of the generator: states `(trial, generator)`, inferred inputs, then known ones in their own units `(trial, input)`."""
        if self.known:
            inferred, given = inputs.tensor_split([self.config.inferred_inputs], dim=-1)
            inputs = torch.cat([inferred, self.standardise_known(given)], -1)
        return self.generator(inputs, state)  # type: ignore[no-any-return]

    def factors_of(self, state: Tensor) -> Tensor:
        """The factors (latents) of generator states, `(..., state)` to `(..., factor)`."""
        to_factors = self._to_factors()
        return state if to_factors is None else state @ to_factors

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        """Observation parameters `(trial, unit, parameter)` of generator states."""
        return {self._neural(session): self.readouts[session](self.factors_of(state))}
