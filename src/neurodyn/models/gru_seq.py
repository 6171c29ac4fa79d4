"""A stack of recurrent layers from masked spikes to rates: what BLEND's release runs under the name LFADS."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.masking import Masking, MaskingConfig
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig, BehaviourEncoder
from neurodyn.models.parts.read_in import ReadIn
from neurodyn.models.parts.session_maps import start_at_means
from neurodyn.models.readouts.linear import Linear, LinearConfig

LAYERS, RELEASED_LAYERS = 2, 4
"""Of the encoder, by mode."""


@dataclass(frozen=True)
class GRUSeqConfig:
    """Sizes and regularisation of the recurrent stack."""

    mode: Literal["default", "release"] = "default"
    """`default`: as documented here. `release`: as BLEND's released code runs it (raw counts, held-out columns and forward rows as zeros, weights at their random start)."""
    width: int = 64
    """Units of every recurrent layer, each way."""
    encoder_layers: int | None = None
    """Bidirectional layers of the encoder; by default 2, released 4."""
    factors: int = 32
    """Factors between the recurrent layers and the rates; the latents."""
    dropout: float = 0.1
    """Dropout between the encoder's layers, of the factors, and of the hidden layer before the rates."""
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    """What is hidden from the encoder in training, and learned from."""
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Behaviour as privileged input, which makes the model a teacher: `add` to the encoder's input, or `concatenate` to its output, as published."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        for name in ("width", "factors"):
            check_range(f"model.{name}", getattr(self, name), 1)
        if self.encoder_layers is not None:
            check_range("model.encoder_layers", self.encoder_layers, 1)
        check_range("model.dropout", self.dropout, 0, 0.99)
        if self.mode == "release" and self.behaviour.fusion == "add":
            fix = "Set model.behaviour.fusion=concatenate, or model.mode=default."
            raise InvalidInput("model.behaviour.fusion", "add", "concatenate, as published", fix)


class GRUSeq(Model):
    """Rates by bidirectional recurrent layers, then two causal ones, trained on masked bins. Nothing is sampled.

    BLEND's release (arXiv 2410.13872) calls it LFADS; there is no posterior, no initial condition and no generator that runs by itself.

    Args:
        config: sizes and regularisation.
        spec: sizes of the data, of one session.

    Raises:
        InvalidInput: no population, several sessions, or `behaviour.fusion` for data without behaviour.
    """

    Config: ClassVar = GRUSeqConfig
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 5e-3,
        "epochs": 150,
        "weight_decay": 0.1,
        "average_decay": 0.99,
    }

    def __init__(self, config: GRUSeqConfig, spec: DataSpec) -> None:
        session = spec.only
        if session.neural is None:
            raise InvalidInput("trials", "no neural signal", "spike counts or fluorescence")
        super().__init__(config, spec)
        c, self.neural = config, session.neural
        self.published = c.mode == "release"
        """Whether it runs as released."""
        self.channels = session.units if self.published else session.heldin + 1
        """Channels of the encoder: all units, or the held-in ones and how much of them is visible."""
        self.read_in = ReadIn(session.heldin, None, logarithm=session.signals[self.neural].kind == "spikes")
        layers = c.encoder_layers or (RELEASED_LAYERS if self.published else LAYERS)
        self.encoder = _BothWays(self.channels, c.width, layers, c.width, c.dropout)
        self.behaviour_encoder = BehaviourEncoder.of(c.behaviour, spec, self.channels)
        self.fusion = None
        if self.behaviour_encoder is not None and c.behaviour.fusion == "concatenate":
            self.fusion = _Fusion(c.width, self.behaviour_encoder.width, c.dropout)
        self.controller = nn.GRU(c.width, c.width, batch_first=True)
        self.generator = nn.GRU(c.width, c.width, batch_first=True)
        self.generator_out = nn.Linear(c.width, c.width)
        self.to_factors = nn.Linear(c.width, c.factors)
        self.from_factors = nn.Linear(c.factors, c.width)
        self.dropout = nn.Dropout(c.dropout)
        parameters = self.observation(self.neural).parameters_per_channel
        self.readout = Linear(LinearConfig(), c.width, session.units, parameters)
        if self.published:
            self.readout.map.reset_parameters()

    def transforms(self) -> list[Transform]:
        """Masking; in mode `default` also windows that start anywhere in the training recording where the trials were cut from one."""
        hide = Masking(self.config.masking)
        return [hide] if self.published else [WindowShift(), hide]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises activity and behaviour and starts the readout at the mean of every unit (mode `default`)."""
        super().prepare(sessions)
        if not self.published:
            start_at_means(self.read_in, self.readout, self.observation(self.neural), sessions[0])

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Rates and factors of a batch."""
        seen, behaviour = self._input(observed), self._behaviour(observed, privileged)
        if behaviour is None:
            encoded = self.encoder(seen)
        elif self.fusion is None:
            encoded = self.encoder(seen + behaviour)
        else:
            encoded = self.fusion(self.encoder(seen), behaviour)
        controller, _ = self.controller(encoded)
        state, _ = self.generator(controller)
        generator = self.generator_out(state)
        factors = self.to_factors(generator)
        return Output(
            predictions={self.neural: self._decoded(factors)},
            latents=factors,
            hidden={"encoder": encoded, "controller": controller, "generator": generator},
        )

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return {self.neural: self._decoded(latents)}

    def _decoded(self, factors: Tensor) -> Tensor:
        """Factors `(trial, time, factor)` to observation parameters `(trial, time, unit, parameter)`."""
        hidden = self.dropout(F.relu(self.from_factors(self.dropout(factors))))
        return self.readout(hidden)  # type: ignore[no-any-return]

    def _input(self, observed: Observed) -> Tensor:
        """What the encoder reads, `(trial, bins, channels)`; forward bins are zeros."""
        values = self.read_in(observed.neural, observed.mask)
        bins, rest = observed.bins - values.shape[1], self.channels - values.shape[2]
        if self.published:
            scale = 1.0 if self.fusion is None else math.sqrt(self.channels)
            return F.pad(values * scale, (0, rest, 0, bins))
        visible = observed.mask[..., None].to(values.dtype)
        if observed.hidden is not None:
            values = values.masked_fill(observed.hidden, 0)
            visible = visible * (1 - observed.hidden.to(values.dtype).mean(2, keepdim=True))
        return F.pad(torch.cat([values, visible], 2), (0, 0, 0, bins))

    def _behaviour(self, observed: Observed, privileged: Mapping[str, Tensor] | None) -> Tensor | None:
        """What a teacher is told of behaviour, `(trial, bins, width)`."""
        encoder = self.behaviour_encoder
        if encoder is None:
            return None
        if self.published:
            return encoder.published(privileged, observed) * math.sqrt(encoder.width)
        return encoder(privileged, observed)  # type: ignore[no-any-return]


class _BothWays(nn.Module):
    """Bidirectional recurrent layers, `layers` of them with `width` units each way, and a linear map onto `out` channels."""

    def __init__(self, channels: int, width: int, layers: int, out: int, dropout: float = 0.0) -> None:
        super().__init__()
        dropout = dropout if layers > 1 else 0.0
        self.recurrent = nn.GRU(channels, width, layers, batch_first=True, bidirectional=True, dropout=dropout)
        self.out = nn.Linear(2 * width, out)

    def forward(self, x: Tensor) -> Tensor:
        """`(trial, time, channel)` to `(trial, time, out)`."""
        return self.out(self.recurrent(x)[0])  # type: ignore[no-any-return]


class _Fusion(nn.Module):
    """The release's way to put behaviour beside activity: encodings of both, mixed over time by attention and recurrent layers."""

    def __init__(self, width: int, behaviour: int, dropout: float) -> None:
        super().__init__()
        self.behaviour_layers = _BothWays(behaviour, behaviour, 1, behaviour)
        self.attention = nn.MultiheadAttention(width + behaviour, num_heads=1, batch_first=True)
        self.joint_layers = _BothWays(width + behaviour, width, 2, width, dropout)

    def forward(self, encoded: Tensor, behaviour: Tensor) -> Tensor:
        """Encodings `(trial, time, width)` and behaviour `(trial, time, channel)` to `(trial, time, width)`."""
        both = torch.cat([encoded, self.behaviour_layers(behaviour)], 2)
        return self.joint_layers(self.attention(both, both, both, need_weights=False)[0])  # type: ignore[no-any-return]
