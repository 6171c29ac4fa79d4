"""NeuPRINT: a masked model of calcium activity in which every neuron has an embedding of its own, constant over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from neurodyn import registry
from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec, SessionSpec
from neurodyn.data.transforms.activity_masking import ActivityMasking, ActivityMaskingConfig
from neurodyn.data.transforms.base import Transform
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig, BehaviourEncoder
from neurodyn.models.parts.local_attention import LocalLayer
from neurodyn.models.parts.session_maps import mean_parameters, standardise_by
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.parts.surrounding_activity import moments, near_moments, positions_of, within
from neurodyn.models.parts.transformer import sinusoids
from neurodyn.observations.base import Observation

TOKENS_AT_A_TIME = 2**18
"""Tokens (neuron, trial, bin) that are held at once; where a batch has more, the backward pass makes them again."""


@dataclass(frozen=True)
class NeuPRINTConfig:
    """Sizes, context, masking and regularisation of NeuPRINT."""

    mode: Literal["default", "release"] = "default"
    """`default`: population features leave out the neuron itself, and so does inference: an entry is predicted from what is around it. `release`: as in the published code, where the population's mean
    holds the entry to predict, the last neuron is masked in place of the last bin, inference sees what it predicts, and windows stay as they were cut."""
    embedding: int = 64
    """Dimensions of a neuron's embedding."""
    embedding_range: float | None = None
    """r: embeddings start uniform in (−r, r); by default 0.1, and 1 in mode `release`."""
    activity_width: int = 5
    """Channels that the activity of an entry is mapped to."""
    heads: int = 2
    """Attention heads."""
    context_back: int = 1
    """Bins back that a bin attends to."""
    context_ahead: int = 0
    """Bins ahead that it attends to."""
    feedforward: int = 128
    """Hidden units of the feed-forward map."""
    dropout: float = 0.1
    """Dropout of both branches of the layer and of the attention weights."""
    masked: float = 0.25
    """Share of the entries that are masked in training."""
    neighbour_radius_um: float = 65.0
    """Neurons nearer than this are neighbours, where the unit table has positions."""
    observation: Annotated[Any, Part("observations", optional=True)] = None
    """Likelihood of the population, with its options: by default squared_error, and poisson for spikes."""
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Behaviour as privileged input of a teacher. `concatenate` is the published model, in which behaviour is part of the population features."""

    def __post_init__(self) -> None:
        resolve_parts(self, "model")
        check_choices(self, "model")
        for name in ("embedding", "activity_width", "heads", "feedforward"):
            check_range(f"model.{name}", getattr(self, name), 1)
        for name in ("context_back", "context_ahead", "neighbour_radius_um"):
            check_range(f"model.{name}", getattr(self, name), 0)
        if self.embedding_range is not None:
            check_range("model.embedding_range", self.embedding_range, 0)
        check_range("model.dropout", self.dropout, 0, 0.99)
        check_range("model.masked", self.masked, 0, 0.99)

    @property
    def resolved_range(self) -> float:
        """The range r that embeddings start in."""
        return self.embedding_range if self.embedding_range is not None else 1.0 if self.mode == "release" else 0.1


class NeuPRINT(Model):
    """One embedding a neuron, learned by filling in masked entries of its activity with a transformer that all neurons of all sessions share.

    The token of neuron i in bin t is [W x + b | φ_i | mean and s.d. of the population | of the neighbours | behaviour, for a teacher], times √width. Attention is over
    time, within the neuron. Source: Mi et al. 2023 (NeuPRINT, NeurIPS), as described for BLEND (Guo et al. 2025, arXiv:2410.13872).

    Args:
        config: sizes, context, masking and regularisation.
        spec: sizes of the data.

    Raises:
        InvalidInput: no population; behaviour asked for that no session has.
    """

    Config: ClassVar = NeuPRINTConfig
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 3e-3,
        "epochs": 150,
        "gradient_clip": 4.0,  # published: 1, of a loss that is divided by all entries instead of the masked quarter
    }
    adaptation_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-2, "epochs": 60}

    def __init__(self, config: NeuPRINTConfig, spec: DataSpec) -> None:
        for session in spec.sessions:
            if session.neural is None:
                raise InvalidInput("trials", "no neural signal", "fluorescence or spike counts")
        super().__init__(config, spec)
        c, sessions = config, spec.sessions
        first = self.observation(sessions[0].neural or "")
        self.embeddings: Sequence[nn.Parameter] = nn.ParameterList(  # type: ignore[assignment]
            nn.Parameter(torch.empty(s.units, c.embedding).uniform_(-c.resolved_range, c.resolved_range))
            for s in sessions
        )
        """Of the neurons of each session, held-in units first; `embeddings_of` gives them in recorded order."""
        for number, s in enumerate(sessions):
            self.register_buffer(f"position_{number}", torch.full((s.units, 3), torch.nan))
        counts = [s.signals[s.neural or ""].kind == "spikes" for s in sessions]
        self.standardise: Sequence[Standardise] = nn.ModuleList(  # type: ignore[assignment]
            Standardise(s.heldin, logarithm=spikes) for s, spikes in zip(sessions, counts)
        )
        self.activity_in = nn.Linear(1, c.activity_width)
        width = c.activity_width + c.embedding + 4
        self.behaviour_encoder = BehaviourEncoder.of(c.behaviour, spec, width)
        if self.behaviour_encoder is not None and c.behaviour.fusion == "concatenate":
            width += self.behaviour_encoder.width
        self.width = width
        """Of a token."""
        self.layer = LocalLayer(width, c.heads, c.context_back, c.context_ahead, c.feedforward, c.dropout)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, first.parameters_per_channel)

    def _built(self, session: SessionSpec) -> Observation:
        if self.config.observation is None and session.signals[session.neural or ""].kind != "spikes":
            return registry.load("observations", "squared_error")(session.units)  # type: ignore[no-any-return]
        return super()._built(session)

    @torch.no_grad()
    def embeddings_of(self, session: int) -> Tensor:
        """The embeddings of a session's neurons `(unit, embedding)`, in recorded order."""
        sizes = self.spec.sessions[session]
        first = list(sizes.heldin_units or range(sizes.heldin))
        order = torch.tensor(first + sorted(set(range(sizes.units)) - set(first)))
        return self.embeddings[session][torch.argsort(order)]

    # -- before training --------------------------------------------------------------------------------------------

    def transforms(self) -> list[Transform]:
        """Masking of entries; in the default mode also windows that start anywhere in the training recording where the trials were cut from one."""
        release = self.config.mode == "release"
        hide = ActivityMaskingConfig(ratio=self.config.masked, always="last_unit" if release else "last_bin")
        return [ActivityMasking(hide)] if release else [WindowShift(), ActivityMasking(hide)]

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Takes scales and positions of every session, and the behaviour's statistics; starts the head at the mean of all neurons."""
        super().prepare(sessions)
        means = []
        for trials in sessions:
            place = self.session_of(trials)
            self.join(place, trials)
            means.append(mean_parameters(self.observation(trials.neural_name or "", place), trials))
        with torch.no_grad():
            self.head.bias.copy_(torch.cat(means).mean(0))

    @torch.no_grad()
    def join(self, session: int, trials: Trials) -> None:
        standardise_by(self.standardise[session], trials)
        positions = positions_of(trials)
        if positions is not None:
            self.get_buffer(f"position_{session}").copy_(positions[torch.as_tensor(trials.unit_order)])

    def grown(self, spec: DataSpec) -> NeuPRINT:
        model = NeuPRINT(self.config, spec)
        model.load_state_dict(self.state_dict(), strict=False)
        model.requires_grad_(False)
        for place in range(len(self.spec.sessions), len(spec.sessions)):
            likelihood = model.observation(spec.sessions[place].neural or "", place)
            for parameter in (model.embeddings[place], *likelihood.parameters()):
                parameter.requires_grad_(True)
        return model.eval()

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """The expected activity of every neuron in every bin; `hidden["layer_1"]` is the neurons' mean token after the layer."""
        session = self.spec.sessions[observed.session]
        values, known = self._seen(observed)
        around = self._around(values, known, observed.session)
        behaviour = self._behaviour(privileged, observed)
        embeddings = self.embeddings[observed.session]
        chunk = max(1, TOKENS_AT_A_TIME // (observed.trials * observed.bins))
        found = []
        for start in range(0, session.units, chunk):
            some = slice(start, start + chunk)
            given = (values[:, some], embeddings[some], around[:, some], behaviour)
            again = torch.is_grad_enabled() and chunk < session.units
            found.append(
                checkpoint(self._of_neurons, *given, use_reentrant=False) if again else self._of_neurons(*given)
            )
        parameters, tokens = zip(*found)
        hidden = {"layer_1": torch.stack(tokens).sum(0) / session.units}
        return Output({session.neural or "": torch.cat(parameters, 1).transpose(1, 2)}, hidden=hidden)

    def _seen(self, observed: Observed) -> tuple[Tensor, Tensor]:
        """Standardised activity of all units over all bins `(trial, unit, time)`, 0 where it is not known, and where it is."""
        session = self.spec.sessions[observed.session]
        values = self.standardise[observed.session](observed.neural, observed.mask)
        known = observed.mask[..., None].expand_as(values)
        if observed.hidden is not None:
            known = known & ~observed.hidden
            values = values.masked_fill(observed.hidden, 0.0)
        beyond = (0, session.units - values.shape[2], 0, observed.bins - values.shape[1])
        return F.pad(values, beyond).transpose(1, 2), F.pad(known, beyond).transpose(1, 2)

    def _around(self, values: Tensor, known: Tensor, session: int) -> Tensor:
        """Mean and s.d. of the population and of the neighbours of each neuron, `(trial, unit, time, 4)`."""
        heldin, position = self.spec.sessions[session].heldin, self.get_buffer(f"position_{session}")
        near = within(position, position[:heldin], self.config.neighbour_radius_um).fill_diagonal_(0)
        all_of_them = moments(values, known, without_self=self.config.mode == "default")
        neighbours = near_moments(values[:, :heldin], known[:, :heldin], near)
        return torch.stack([each.expand_as(values) for each in (*all_of_them, *neighbours)], 3)

    def _behaviour(self, privileged: Mapping[str, Tensor] | None, observed: Observed) -> Tensor:
        """What a teacher is told of behaviour, `(trial, bin, width)`, 0 outside the mask; of no width for a model that is told nothing."""
        if self.behaviour_encoder is None:
            return observed.neural.new_zeros(observed.trials, observed.bins, 0)
        inside = F.pad(observed.mask, (0, observed.bins - observed.mask.shape[1]), value=True)
        return self.behaviour_encoder(privileged, observed) * inside[..., None]  # type: ignore[no-any-return]

    def _of_neurons(
        self, values: Tensor, embeddings: Tensor, around: Tensor, behaviour: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Parameters `(trial, unit, bin, parameter)` of some neurons, and the sum of their tokens after the layer `(trial, bin, width)`."""
        tokens = own = self._tokens(values, embeddings, around, behaviour)
        if self.config.mode == "default" and not self.training:  # an entry is not predicted from itself
            own = self._tokens(torch.zeros_like(values), embeddings, around, behaviour)
        tokens = self.layer(own, tokens)
        return self.head(self.norm(tokens)), tokens.sum(1)

    def _tokens(self, values: Tensor, embeddings: Tensor, around: Tensor, behaviour: Tensor) -> Tensor:
        shape, told = values.shape, behaviour[:, None]
        parts = [self.activity_in(values[..., None]), embeddings[:, None].expand(*shape, -1), around]
        added = behaviour.shape[2] == self.width
        if not added:
            parts.append(told.expand(*shape, -1))
        positions = sinusoids(shape[2], self.width + self.width % 2)[:, : self.width].to(values)
        scale: float = self.width**0.5
        tokens = torch.cat(parts, 3) * scale + positions
        return tokens + told if added else tokens
