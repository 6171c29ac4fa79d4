"""Multi-area LFADS: one generator for each recorded area, messages between them, private inputs of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.area_layers import affine, area_first, by_time, side_by_side, stacked_cells, stacked_linear
from neurodyn.models.parts.area_loop import AreaControllers, AreaWeights, DecodedAreas, decode_areas
from neurodyn.models.parts.areas import Areas
from neurodyn.models.parts.gru import ClippedGRU, clipped_gru_step
from neurodyn.models.parts.lagged_encoders import encode_areas
from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.multi_area_config import MultiAreaLFADSConfig
from neurodyn.models.parts.priors import AutoregressivePrior, NormalPrior, counted_bins
from neurodyn.models.parts.session_maps import mean_parameters, standardise_by
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.readouts.linear import Linear, LinearConfig


class MultiAreaLFADS(Model):
    """Single-trial rates of several areas, each from a generator of its own that hears the others.

    Area by area as in LFADS: encoders that read the area's own units give its initial condition and, through a controller, its private inputs; factors are
    a row-normalised linear map of its generator, rates log-linear in them. A message from area a to area b is a linear map of a's factors to few channels,
    which enters b's generator one bin later or more; the delay is learned. Messages cost nothing, private inputs their KL. One session.
    Sources: Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9 (LFADS); Perich et al. 2020, doi:10.1101/2020.12.18.423348 (currents between areas).

    Args:
        config: sizes, messages, priors and regularisation.
        spec: sizes of the data, with an area for every unit.

    Raises:
        InvalidInput: no population, several sessions, units without an area, a single area, more factors than an area has units.
    """

    Config: ClassVar = MultiAreaLFADSConfig
    default_objective: ClassVar[str] = "elbo"
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 8e-3,
        "epochs": 200,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }
    has_dynamics: ClassVar[bool] = True
    open: Tensor
    """Which messages pass, 1 or 0, `(area, sender)`."""
    constant: Tensor
    """What stands in the place of those that do not, `(area, message)`."""
    _order: Tensor

    def __init__(self, config: MultiAreaLFADSConfig, spec: DataSpec) -> None:
        session = spec.only
        if session.neural is None:
            raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        super().__init__(config, spec)
        c, self.neural = config, session.neural
        self.areas = Areas.of(session, c.factors)
        areas, self.units = len(self.areas.names), session.units
        self.message_width = (areas - 1) * c.message_rank if c.messages == "all" else 0
        """Channels of all messages into an area."""
        self.input_width = c.private_inputs if c.private else 0
        """Private inputs of an area."""
        for a in range(areas):
            self.register_buffer(f"_columns_{a}", self.areas.heldin[a], persistent=False)
        self.register_buffer("_order", self.areas.order, persistent=False)
        spikes = session.signals[session.neural].kind == "spikes"
        self.standardise = Standardise(session.heldin, logarithm=spikes)

        def cells(width: Sequence[int], encoder: bool, size: int, number: int) -> nn.ModuleList:
            return nn.ModuleList(
                nn.ModuleList(ClippedGRU(w, size, encoder=encoder, clip=c.cell_clip) for _ in range(number))
                for w in width
            )

        seen = [len(columns) for columns in self.areas.heldin]
        self.initial_encoders: Any = cells(seen, True, c.encoder, 2)
        self.initial_encoder_start = nn.Parameter(torch.zeros(areas, 2, c.encoder))
        self.initial_posteriors = stacked_linear(areas, 2 * c.encoder, 2 * c.initial_condition)
        self.initial_prior = NormalPrior(areas * c.initial_condition, c.initial_condition_prior_variance)
        self.to_generators = stacked_linear(areas, c.initial_condition, c.generator)
        if self.input_width:
            self.input_encoders: Any = cells(seen, True, c.encoder, 2)
            self.input_encoder_start = nn.Parameter(torch.zeros(areas, 2, c.encoder))
            self.controllers: Any = cells([2 * c.encoder + c.factors] * areas, False, c.controller, 1)
            self.controller_start = nn.Parameter(torch.zeros(areas, 1, c.controller))
            self.input_posteriors = stacked_linear(areas, c.controller, 2 * self.input_width)
            self.input_prior: AutoregressivePrior | NormalPrior = (
                AutoregressivePrior(areas * self.input_width, c.input_prior_time_constant, c.input_prior_variance)
                if c.input_prior == "autoregressive"
                else NormalPrior(areas * self.input_width, c.input_prior_variance)
            )
        self.generators: Any = cells([self.message_width + self.input_width] * areas, False, c.generator, 1)
        self.factor_weight = nn.Parameter(torch.randn(areas, c.factors, c.generator) / c.generator**0.5)
        """Rows are normalised at every use."""
        if self.message_width:
            self.message_weight = nn.Parameter(
                torch.randn(areas, areas - 1, c.factors, c.message_rank) / c.factors**0.5
            )
            """For each receiving area, the maps from the factors of each other area, in the order of areas."""
            self.delay_logits = nn.Parameter(-torch.arange(c.max_delay).float().expand(areas, areas - 1, -1).clone())
            self.register_buffer("open", torch.ones(areas, areas - 1), persistent=False)
            self.register_buffer("constant", torch.zeros(areas, self.message_width), persistent=False)
        parameters = self.observation(session.neural).parameters_per_channel
        self.readouts: Any = nn.ModuleList(
            Linear(LinearConfig(), c.factors, len(columns), parameters) for columns in self.areas.units
        )

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Coordinated dropout; windows that start anywhere in the training recording where the trials were cut from one."""
        return [WindowShift(), CoordinatedDropout(CoordinatedDropoutConfig(rate=self.config.coordinated_dropout))]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises what the encoders see and starts the readouts at the mean of every unit."""
        standardise_by(self.standardise, sessions[0])
        means = mean_parameters(self.observation(self.neural), sessions[0])
        for readout, columns in zip(self.readouts, self.areas.units):
            readout.start(means[columns])

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates, factors of all areas, and for each area the messages into it and its private inputs."""
        final, encoded = self._encodings(observed)
        mean, log_variance = affine(self._dropped(final), self.initial_posteriors).chunk(2, 2)
        variance = log_variance.exp() + self.config.posterior_variance_floor
        code = mean
        if self.samples_posterior:
            code = mean + variance.sqrt() * self.standard_normal(*mean.shape, trials=1, like=mean)
        kl = {"initial_condition": self.initial_prior.kl(side_by_side(mean), side_by_side(variance))}
        decoded = self._decode(affine(code, self.to_generators), encoded, observed)
        if decoded.posterior is not None:
            means, log_variances = (by_time(part) for part in decoded.posterior.chunk(2, 3))
            kl["inputs"] = self._inputs_kl(means, log_variances, counted_bins(observed))
        latents, inputs = side_by_side(decoded.factors), decoded.inputs
        if self.message_width:
            inputs = inputs + F.pad(self.constant, (0, self.input_width))[:, None, None]
        hidden = {
            "initial_condition": side_by_side(mean),
            "state": self._states(decoded, code),
            "drive": side_by_side(F.pad(decoded.inputs[..., self.message_width :], (self.message_width, 0))),
        }
        if decoded.controller is not None:
            hidden["controller"] = side_by_side(decoded.controller)
        return Output(
            predictions=self._read(latents),
            latents=latents,
            inputs=side_by_side(inputs) if inputs.shape[3] else None,
            kl=kl,
            penalty=self._penalty(),
            hidden=hidden,
        )

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return self._read(latents)

    def reported(self, output: Output, observed: Observed) -> dict[str, Tensor]:
        """Also, by name: `factors_<area>`, `private_inputs_<area>`, `message_<from>_to_<to>`, each `(trial, time, channel)`."""
        found = super().reported(output, observed)
        assert output.latents is not None
        for name, factors in zip(self.areas.names, output.latents.chunk(len(self.areas.names), -1)):
            found[f"factors_{name}"] = factors
        if output.inputs is None:
            return found
        for name, inputs in zip(self.areas.names, output.inputs.chunk(len(self.areas.names), -1)):
            messages, private = inputs[..., : self.message_width], inputs[..., self.message_width :]
            if self.input_width:
                found[f"private_inputs_{name}"] = private
            for k, sender in enumerate(self.senders(name) if self.message_width else ()):
                r = self.config.message_rank
                found[f"message_{sender}_to_{name}"] = messages[..., k * r : (k + 1) * r]
        return found

    def senders(self, area: str) -> tuple[str, ...]:
        """The areas that send messages to an area, in the order in which these enter it."""
        return tuple(name for name in self.areas.names if name != area)

    @contextlib.contextmanager
    def cut(self, sender: str, receiver: str, constant: Sequence[float] = ()) -> Iterator[None]:
        """Within, the message from one area to another is the same in every bin of every trial.

        Args:
            sender: the area it comes from.
            receiver: the area it goes to.
            constant: what it is, a number for each of its channels; by default zero.

        Raises:
            InvalidInput: no such message, or another number of channels.
        """
        names, rank = self.areas.names, self.config.message_rank
        if not self.message_width or receiver not in names or sender not in self.senders(receiver):
            pairs = [f"{a} to {b}" for b in names for a in self.senders(b)] if self.message_width else []
            known = f"one of {', '.join(pairs)}" if pairs else "a model that was fitted with messages"
            raise InvalidInput("message", f"{sender} to {receiver}", known)
        if len(constant) not in (0, rank):
            raise InvalidInput("constant", f"{len(constant)} numbers", f"{rank}, one for each channel of a message")
        b, k = names.index(receiver), self.senders(receiver).index(sender)
        channels = slice(k * rank, (k + 1) * rank)
        self.open[b, k] = 0.0
        if len(constant):
            self.constant[b, channels] = torch.as_tensor(constant).to(self.constant)
        try:
            yield
        finally:
            self.open[b, k] = 1.0
            self.constant[b, channels] = 0.0

    def _encodings(self, observed: Observed) -> tuple[Tensor, Tensor | None]:
        """Final states `(area, trial, 2 * encoder)` and lagged encodings `(area, time, trial, 2 * encoder)`; every area from its own units alone."""
        activity = self.standardise(observed.neural, observed.mask).transpose(0, 1).to(self.factor_weight.dtype)
        width = self.areas.width
        parts = [activity[..., getattr(self, f"_columns_{a}")] for a in range(len(self.areas.names))]
        x = self._dropped(torch.stack([F.pad(part, (0, width - part.shape[2])) for part in parts]))
        first = self.initial_encoder_start
        inputs, start = (self.input_encoders, self.input_encoder_start) if self.input_width else ((), first[:0])
        initial = [list(pair) for pair in self.initial_encoders]
        return encode_areas(x, initial, first, [list(pair) for pair in inputs], start, self.config.lag)

    def _decode(self, first: Tensor, encoded: Tensor | None, observed: Observed) -> DecodedAreas:
        """From the generators' first states `(area, trial, generator)` and the lagged encodings to the factors of all `observed.bins`, forward ones included."""
        c, steps, trials, areas = self.config, observed.bins, observed.trials, len(self.areas.names)
        controllers = None
        if encoded is not None:
            seen, ways = encoded.shape[1], encoded.shape[3]
            weight, recurrent, bias = stacked_cells(self.controllers)
            flat = self._dropped(encoded).flatten(1, 2)
            projected = torch.baddbmm(bias, flat, weight[:, :ways]).view(areas, seen, trials, -1)
            if steps > seen:  # nothing is seen of the forward bins
                ahead = bias[:, None].expand(-1, steps - seen, trials, -1)
                projected = torch.cat([projected, ahead], 1)
            shape = areas, steps, trials, self.input_width
            controllers = AreaControllers(
                encoded=projected,
                first=self.controller_start.expand(-1, trials, -1),
                from_factors=weight[:, ways:],
                recurrent=recurrent,
                to_inputs=self.input_posteriors[0],
                inputs_bias=self.input_posteriors[1],
                noise=self.standard_normal(*shape, trials=2, like=first) if self.samples_posterior else None,
                factor_mask=self._mask(areas, steps, trials, c.factors),
            )
        mask = self._mask(areas, steps + 1, trials, c.generator)
        return decode_areas(self._area_weights(first), steps, controllers, mask, c.cell_clip)

    def _area_weights(self, first: Tensor) -> AreaWeights:
        weight, recurrent, bias = stacked_cells(self.generators)
        messages, delays = self._messages()
        if self.message_width:
            bias = bias + self.constant[:, None] @ weight[:, : self.message_width]
        return AreaWeights(first, bias, weight, recurrent, self._to_factors(), messages, delays)

    def _messages(self) -> tuple[Tensor | None, Tensor | None]:
        """W_m `(area, areas * factor, message)` and w `(delay, area, 1, message)`; None without messages."""
        if not self.message_width:
            return None, None
        areas, c = len(self.areas.names), self.config
        receiver, place = torch.ones(areas, areas - 1).nonzero().t()
        sender = place + (place >= receiver)  # an area sends nothing to itself
        maps = self.message_weight.new_zeros(areas, areas, areas - 1, c.factors, c.message_rank)
        maps = maps.index_put((receiver, sender, place), self.message_weight.flatten(0, 1))
        maps = maps.transpose(2, 3).reshape(areas, areas * c.factors, -1)
        weights = self.delay_logits.softmax(2) * self.open[..., None]
        return maps, weights.repeat_interleave(c.message_rank, 1).permute(2, 0, 1)[:, :, None]

    def delays(self) -> dict[str, Tensor]:
        """Learned weights of the delays 1 … `max_delay` bins of every message, by its name."""
        if not self.message_width:
            return {}
        shares = self.delay_logits.detach().softmax(2)
        return {
            f"{sender} to {name}": shares[b, k]
            for b, name in enumerate(self.areas.names)
            for k, sender in enumerate(self.senders(name))
        }

    def _inputs_kl(self, mean: Tensor, log_variance: Tensor, counted: Tensor | None) -> Tensor:
        prior = self.input_prior
        if isinstance(prior, AutoregressivePrior):
            return prior.kl(mean, log_variance, counted)
        each = prior.kl(mean, log_variance.exp(), log_variance)
        return (each if counted is None else each * counted).sum(0)

    def _penalty(self) -> dict[str, Tensor]:
        """Σ w ½‖W‖² / Σ entries over the recurrent matrices with a weight w > 0."""
        groups = [(self.config.l2_generator, self.generators)]
        if self.input_width:
            groups.append((self.config.l2_controller, self.controllers))
        used = [(weight, cell[0].recurrent_weight) for weight, cells in groups if weight > 0 for cell in cells]
        if not used:
            return {}
        total = torch.stack([weight * 0.5 * matrix.square().sum() for weight, matrix in used]).sum()
        return {"recurrent_l2": total / sum(matrix.numel() for _, matrix in used)}

    def _to_factors(self) -> Tensor:
        """W_f `(area, generator, factor)`."""
        return F.normalize(self.factor_weight, dim=2).transpose(1, 2)

    def _read(self, latents: Tensor) -> dict[str, Tensor]:
        """Observation parameters `(..., unit, parameter)`, held-in units first."""
        parts = [read(f) for read, f in zip(self.readouts, latents.chunk(len(self.areas.names), -1))]
        return {self.neural: torch.cat(parts, -2).index_select(-2, self._order)}

    def _dropped(self, x: Tensor) -> Tensor:
        mask = self._mask(*x.shape)
        return x if mask is None else x * mask

    def _mask(self, *shape: int) -> Tensor | None:
        if not self.training or self.config.dropout == 0:
            return None
        weight = self.factor_weight
        return keep_mask(shape, self.config.dropout, device=weight.device, dtype=weight.dtype)

    # -- the dynamics -----------------------------------------------------------------------------------------------
    # A state is the generators' states, area by area, then the messages under way: what left the areas one bin ago and more.

    def initial_state(self, trials: int) -> Tensor:
        """States at the prior means of the initial conditions, `(trial, state)`; before, the same messages were sent all along."""
        mean = self.initial_prior.mean.view(len(self.areas.names), 1, -1)
        first = affine(mean, self.to_generators)
        state = side_by_side(first)
        line = self._line(first)
        return (state if line is None else torch.cat([state, line], 1)).expand(trials, -1)

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """One bin of all areas.

        Args:
            state: `(trial, state)`.
            inputs: what comes from outside, as `Output.hidden["drive"]`: for each area what is added to the messages into it (zero in a forward pass),
                then its private inputs, `(trial, area * (message + input))`.
        """
        c, areas, trials = self.config, len(self.areas.names), len(state)
        generators = area_first(state[:, : areas * c.generator], areas)
        drive = area_first(inputs, areas)
        weights = self._area_weights(generators)
        line = state[:, areas * c.generator :]
        if weights.to_messages is not None and weights.delays is not None:
            sent = self._sent(generators)
            under_way = torch.cat([side_by_side(sent), line], 1).view(trials, c.max_delay, areas, -1)
            arrived = (under_way.permute(1, 2, 0, 3) * weights.delays).sum(0)
            drive = drive + F.pad(arrived, (0, self.input_width))
            line = under_way[:, :-1].flatten(1)
        projected = torch.baddbmm(weights.bias, drive, weights.to_generator)
        after = clipped_gru_step(projected, generators, weights.recurrent, c.cell_clip)
        return torch.cat([side_by_side(after), line], 1)

    def factors_of(self, state: Tensor) -> Tensor:
        """The factors (latents) of all areas, `(..., state)` to `(..., area * factor)`."""
        areas = len(self.areas.names)
        generators = state[..., : areas * self.config.generator].reshape(*state.shape[:-1], areas, -1)
        return torch.einsum("...ag,agf->...af", generators, self._to_factors()).flatten(-2)

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        """Observation parameters `(trial, unit, parameter)` of states."""
        return self._read(self.factors_of(state))

    def _sent(self, generators: Tensor) -> Tensor:
        """Messages that leave now, by the area they go to: generators `(area, trial, generator)` to `(area, trial, message)`."""
        maps, _ = self._messages()
        assert maps is not None
        return torch.matmul(side_by_side(torch.bmm(generators, self._to_factors())), maps)

    def _line(self, first: Tensor) -> Tensor | None:
        """Messages under way before the first bin, `(trial, (max_delay - 1) * areas * message)`; None without messages."""
        if not self.message_width:
            return None
        return side_by_side(self._sent(first)).repeat(1, self.config.max_delay - 1)

    def _states(self, decoded: DecodedAreas, code: Tensor) -> Tensor:
        """The state after every bin, `(trial, time, state)`."""
        states = side_by_side(decoded.generator)
        if not self.message_width or self.config.max_delay == 1:
            return states
        maps, _ = self._messages()
        assert maps is not None
        first = affine(code, self.to_generators)
        before = self._sent(first)[:, None]
        sent = torch.matmul(side_by_side(decoded.factors).transpose(0, 1).flatten(0, 1), maps)
        sent = torch.cat([before, sent.view(len(sent), states.shape[1], -1, sent.shape[2])], 1)
        earlier = [torch.cat([before.expand(-1, d - 1, -1, -1), sent], 1) for d in range(1, self.config.max_delay)]
        line = [side_by_side(each[:, : states.shape[1]]) for each in earlier]
        return torch.cat([states, *line], 2)
