"""NDT: a masked transformer over time bins, from held-in counts to the rates of all units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.masking import Masking
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.behaviour_encoder import BehaviourEncoder
from neurodyn.models.parts.ndt_config import NDTConfig
from neurodyn.models.parts.session_maps import mean_parameters, standardise_by
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.parts.transformer import ScaleNorm, TransformerLayer, context_mask, dropped, sinusoids


class NDT(Model):
    """Single-trial rates from a transformer that is trained to fill in masked bins.

    One token a bin holds the whole population; tokens attend to each other within a window of context; rates are log-linear in the last layer.
    There is no recurrence and no sampling. Source: Ye & Pandarinath 2021, arXiv:2108.01210. Modes `release` and `paper` are the
    published network, which sees held-out units and forward bins as zeros and whose width is its number of units; the default one knows which entries are
    hidden and has a width of its own, so that several sessions can share all but the maps from and to their units.

    Args:
        config: sizes, context, masking and regularisation.
        spec: sizes of the data.

    Raises:
        InvalidInput: no population; a width that the heads do not divide; several sessions in a published mode.
    """

    Config: ClassVar = NDTConfig
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 4e-3,
        "epochs": 200,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }

    def __init__(self, config: NDTConfig, spec: DataSpec) -> None:
        sessions = spec.sessions
        for session in sessions:
            if session.neural is None:
                raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        published = config.mode != "default"
        units = (spec.only if published else sessions[0]).units
        super().__init__(config.resolved(max(s.heldin for s in sessions), units), spec)
        c = self.config
        bins = max(s.bins for s in sessions)
        if published:
            self.embed: nn.Module | None = self._published_embedding(units)
        else:
            spikes = [s.signals[s.neural or ""].kind == "spikes" for s in sessions]
            self.standardise = nn.ModuleList(Standardise(s.heldin, logarithm=n) for s, n in zip(sessions, spikes))
            self.read_in = nn.ModuleList(nn.Linear(s.heldin, c.width) for s in sessions)
            self.hidden_token = nn.Parameter(torch.zeros(c.width))
            """Added to a token by the share of its entries that are hidden."""
        self.behaviour_encoder = BehaviourEncoder.of(c.behaviour, spec, c.width)
        beside = self.behaviour_encoder.width if self.behaviour_encoder and c.behaviour.fusion == "concatenate" else 0
        self.width = width = c.width + beside
        """Of the tokens."""
        c.check_heads(width)
        if c.positions == "learned":
            self.position = nn.Parameter(torch.randn(bins, width) * (1.0 if published else width**-0.5))
        else:
            self.register_buffer("position", sinusoids(bins, width), persistent=False)
        self.layers: Sequence[TransformerLayer] = nn.ModuleList(  # type: ignore[assignment]
            TransformerLayer(width, c.heads, c.feedforward, c.dropout, pre_norm=c.norm == "pre")
            for _ in range(c.layers)
        )
        self._start_layers()
        self.norm = ScaleNorm(width) if c.final_norm == "scale" else nn.LayerNorm(width)
        self.decoders: Sequence[nn.Sequential] = nn.ModuleList(  # type: ignore[assignment]
            self._decoder(i) for i in range(len(sessions))
        )
        self.register_buffer("context", context_mask(bins, c.context_forward, c.context_backward), persistent=False)

    def _published_embedding(self, units: int) -> nn.Module | None:
        c = self.config
        if c.embedding == "identity":
            return None
        if c.embedding == "linear":
            return nn.Linear(units, c.width)
        table = nn.Embedding(c.largest_count + 2, c.embedding_size)
        nn.init.uniform_(table.weight, -0.1, 0.1)
        return table

    def _start_layers(self) -> None:
        c = self.config
        if c.fixup:
            for layer in self.layers:
                layer.scale_for_depth(c.layers, values=c.mode == "paper")
        if c.mode == "release":  # as released: copies of one layer
            for layer in self.layers[1:]:
                layer.load_state_dict(self.layers[0].state_dict())

    def _decoder(self, session: int) -> nn.Sequential:
        c, spec = self.config, self.spec.sessions[session]
        between = [nn.Linear(self.width, c.decoder_hidden), nn.ReLU()] if c.decoder_hidden else []
        parameters = spec.units * self.observation(spec.neural or "", session).parameters_per_channel
        decoder = nn.Sequential(*between, nn.Linear(c.decoder_hidden or self.width, parameters))
        first: nn.Linear = decoder[0]  # type: ignore[assignment]
        if c.mode != "default":
            nn.init.uniform_(first.weight, -0.1, 0.1)
        nn.init.zeros_(first.bias)
        return decoder

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Masking; in the default mode also windows that start anywhere in the training recording where the trials were cut from one."""
        hide = Masking(self.config.masking)
        return [WindowShift(), hide] if self.config.mode == "default" else [hide]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises the input and starts the decoders at the mean of every unit (mode `default`); takes the behaviour's statistics."""
        super().prepare(sessions)
        if self.config.mode != "default":
            return
        for trials in sessions:
            place = self.session_of(trials)
            standardise_by(self.standardise[place], trials)  # type: ignore[arg-type]
            observation = self.observation(trials.neural_name or "", place)
            with torch.no_grad():
                last: nn.Linear = self.decoders[place][-1]  # type: ignore[assignment]
                last.bias.copy_(mean_parameters(observation, trials).reshape(-1))
                last.weight.mul_(0.1)

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates, and the tokens after every layer, of a batch."""
        c = self.config
        tokens = self._published_tokens(observed) if c.mode != "default" else self._tokens(observed)
        if self.behaviour_encoder is not None:
            tokens = self._with_behaviour(tokens, observed, privileged)
        tokens = dropped(tokens + self.position[: observed.bins], c.embedding_dropout, self.training)
        bias = self._attention_bias(observed)
        hidden: dict[str, Tensor] = {}
        for number, layer in enumerate(self.layers, 1):
            tokens = layer(tokens, bias)
            hidden[f"layer_{number}"] = tokens
        latents = self.norm(tokens)
        return Output(self._decoded(latents, observed.session), latents, hidden=hidden)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return self._decoded(latents, observed.session)

    def _decoded(self, latents: Tensor, session: int) -> dict[str, Tensor]:
        """The last layer's tokens `(trial, time, width)` to the observation parameters of a session's units."""
        spec = self.spec.sessions[session]
        decoded = self.decoders[session](dropped(latents, self.config.rate_dropout, self.training))
        parameters = decoded.view(*decoded.shape[:2], spec.units, -1)
        if not self.config.log_rates:
            parameters = parameters.relu().clamp_min(1e-8).log()
        return {spec.neural or "": parameters}

    def _tokens(self, observed: Observed) -> Tensor:
        """Standardised activity, 0 where it is hidden, through the session's map; forward bins are hidden altogether."""
        values = self.standardise[observed.session](observed.neural, observed.mask)
        share = None
        if observed.hidden is not None:
            values = values.masked_fill(observed.hidden, 0.0)
            share = observed.hidden.to(values.dtype).mean(2, keepdim=True)
        read_in = self.read_in[observed.session]
        tokens = read_in(values)
        if share is not None:
            tokens = tokens + share * self.hidden_token
        ahead = observed.bins - tokens.shape[1]
        if not ahead:
            return tokens  # type: ignore[no-any-return]
        bias: Tensor = read_in.bias + self.hidden_token  # type: ignore[operator]
        return torch.cat([tokens, bias.expand(len(tokens), ahead, -1)], 1)

    def _published_tokens(self, observed: Observed) -> Tensor:
        """Counts of all units over all bins, those that are not seen as zeros, embedded and scaled by √width."""
        counts = observed.neural
        trials, bins, units = counts.shape
        whole = counts.new_zeros(trials, observed.bins, self.spec.only.units)
        whole[:, :bins, :units] = counts.clamp_max(self.config.largest_count)
        if isinstance(self.embed, nn.Embedding):
            whole = whole.long()
            if observed.hidden is not None and self.config.mask_token:
                whole[:, :bins, :units] = whole[:, :bins, :units].masked_fill(
                    observed.hidden, self.config.largest_count + 1
                )
            return self.embed(whole).flatten(2) * self.config.width**0.5  # type: ignore[no-any-return]
        embedded = whole if self.embed is None else self.embed(whole)
        return embedded * self.config.width**0.5  # type: ignore[no-any-return]

    def _with_behaviour(self, tokens: Tensor, observed: Observed, privileged: Mapping[str, Tensor] | None) -> Tensor:
        encoder = self.behaviour_encoder
        assert encoder is not None
        if self.config.behaviour.fusion == "add":
            return tokens + encoder(privileged, observed)  # type: ignore[no-any-return]
        if self.config.mode == "default":
            return torch.cat([tokens, encoder(privileged, observed)], 2)
        return torch.cat([tokens, encoder.published(privileged, observed) * encoder.width**0.5], 2)

    def _attention_bias(self, observed: Observed) -> Tensor:
        """0 where a bin may look, −∞ elsewhere, `(1 or trial, query, key)`; bins outside the mask are looked at by themselves alone."""
        bins = observed.bins
        allowed: Tensor = self.context[:bins, :bins][None]  # type: ignore[index]
        if not bool(observed.mask.all()):
            inside = torch.cat(
                [observed.mask, observed.mask.new_ones(observed.trials, bins - observed.mask.shape[1])], 1
            )
            itself = torch.eye(bins, dtype=torch.bool, device=inside.device)
            allowed = (allowed & inside[:, None, :]) | itself
        return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, -torch.inf)
