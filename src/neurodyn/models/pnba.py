"""PNBA: activity of any subject and behaviour (or a stimulus) as Gaussians over the same latents, each decoded to the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.front_ends.base import FrontEnd
from neurodyn.models.modalities.base import Modality, Sight, gaussian
from neurodyn.models.modalities.series import Series
from neurodyn.models.modalities.video import Video
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig, BehaviourEncoder
from neurodyn.models.parts.gaussians import Gaussian, kl_standard, product
from neurodyn.models.parts.lagged_map import LaggedMap
from neurodyn.models.parts.pnba_config import BEHAVIOUR, PNBAConfig, modalities_beside
from neurodyn.models.parts.published_pnba.network import PublishedPNBA, by_slot
from neurodyn.models.parts.published_pnba.published_pass import log_rates, published_pass
from neurodyn.models.parts.standardise import Standardise
from neurodyn.models.parts.temporal_stack import TemporalStack
from neurodyn.models.parts.unit_levels import fit_units
from neurodyn.observations.base import Observation

JOINT = "joint"
"""Name of the fused posterior among what a modality is decoded from."""
NEURAL = "neural"
"""Name of the activity among modalities."""


class PNBA(Model):
    """Probabilistic neural-behavioural alignment: one encoder for the activity of all subjects, tied to behaviour or stimulus.

    Activity and the second modality are each encoded to a Gaussian over latents, bin by bin. Their product must decode both, and each alone the other; a matching loss
    tells pairs that belong together from those that do not. Subjects meet because they share the second modality's encoder. Frozen, it encodes subjects it never saw
    (`zero_shot`) where the front end can. Source: Zhu et al. 2025, arXiv:2505.04331, repaired: see the docs.

    Args:
        config: front end, modalities and sizes.
        spec: sizes of every subject.

    Raises:
        InvalidInput: a subject without a population, forward bins, or nothing to align the activity with.
        UnknownName: a modality that no subject has.
    """

    Config: ClassVar = PNBAConfig
    default_objective: ClassVar[str] = "align"
    training_defaults: ClassVar[Mapping[str, Any]] = {
        "sessions": "in_turn",
        "steps": 300,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "weight_decay": 0.01,
        "warmup_epochs": 0,
        "gradient_clip": 10.0,
        "select": "last",
    }
    any_length: ClassVar[bool] = True

    config: PNBAConfig

    def __init__(self, config: PNBAConfig, spec: DataSpec) -> None:
        for session in spec.sessions:
            if session.neural is None:
                raise InvalidInput(f"session {session.name!r}", "no neural signal", "spike counts or fluorescence")
            if session.forward:
                raise InvalidInput(
                    "forward", session.forward, "0: pnba predicts nothing ahead", "Load trials with forward=0."
                )
        if config.mode != "default" and config.observation is None:
            config = dataclasses.replace(config, observation="poisson")
        super().__init__(config, spec)
        self.beside = modalities_beside(config, spec)
        """Names of the modalities beside the activity."""
        if BEHAVIOUR in self.beside:
            self.behaviour_encoder = BehaviourEncoder(BehaviourConfig("concatenate", dropout=0.0), spec, 0)
        shapes = {name: self._shape(name) for name in self.beside}
        self.published: PublishedPNBA | None = None
        if config.mode != "default":
            if len(self.beside) != 1:
                raise InvalidInput("model.beside", self.beside, "one modality in the published modes")
            (shape,) = shapes.values()
            self.published = PublishedPNBA(config.published, shape[0] if len(shape) == 1 else None)
            self.size = config.published.channels * config.published.slots
            return
        self.size = config.size
        """D."""
        parameters = {self.observation(s.neural or "", i).parameters_per_channel for i, s in enumerate(spec.sessions)}
        if len(parameters) > 1:
            raise InvalidInput(
                "sessions", "spikes in some and fluorescence in others", "one likelihood for all subjects"
            )
        (self._parameters_per_unit,) = parameters
        part = registry.load("front_ends", registry.name_of(type(config.front_end)))
        self.front_end: FrontEnd = part(config.front_end, self._parameters_per_unit)
        wide, hidden, kernel = self.front_end.width, config.hidden, config.kernel
        self.encoder = TemporalStack(wide, hidden, (1, kernel, kernel), 2 * self.size)
        self.decoder = TemporalStack(self.size, hidden, (kernel, 3), wide)
        self.modalities = nn.ModuleDict({name: self._modality(shape) for name, shape in shapes.items()})
        self.standardise, self.levels, self.slopes = nn.ModuleList(), nn.ParameterList(), nn.ParameterList()
        self.calibration = nn.ModuleDict()
        for index, session in enumerate(spec.sessions):
            self.front_end.add(session)
            self.standardise.append(Standardise(session.heldin, logarithm=False))
            for values in (self.levels, self.slopes):
                start = torch.zeros(session.units, self._parameters_per_unit)
                values.append(nn.Parameter(start, requires_grad=False))
            if session.name in config.calibrated:
                self.calibration[str(index)] = LaggedMap(session.heldin, config.lags, self.size)

    def _shape(self, name: str) -> tuple[int, ...]:
        """Of one bin of a modality."""
        if self.behaviour_encoder is not None and name == BEHAVIOUR:
            return (self.behaviour_encoder.width,)
        found = {s.signals[name].shape for s in self.spec.sessions if name in s.signals}
        if len(found) > 1:
            raise InvalidInput(f"stimulus {name!r}", sorted(found), "one shape in all sessions")
        return found.pop()

    def _modality(self, shape: tuple[int, ...]) -> Modality:
        c = self.config
        if len(shape) == 1:
            return Series(shape[0], c.size, c.hidden, c.kernel)
        if len(shape) == 2:
            return Video(c.video, shape, c.size, c.hidden, c.kernel)
        raise InvalidInput("stimulus", f"{shape} in a bin", "channels, or the height and width of a video")

    def observation(self, signal: str, session: int = 0) -> Observation:
        """The population's likelihood as for every model; of what is decoded beside it, squared error."""
        if any(signal == s.neural for s in self.spec.sessions):
            return super().observation(signal, session)
        return registry.load("observations", "squared_error")()  # type: ignore[no-any-return]

    # -- before training, and new subjects --------------------------------------------------------------------------

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Standardises behaviour over all subjects, and meets each."""
        super().prepare(sessions)
        if self.published is not None:
            return
        for index, trials in enumerate(sessions):
            self.meet(index, trials)
        self.front_end.scale_by(len(sessions))

    @torch.no_grad()
    def meet(self, session: int, trials: Trials) -> None:
        """Takes from a subject's activity alone what is needed of its units: mean, scale, and what the front end knows them by."""
        standardise: Standardise = self.standardise[session]  # type: ignore[assignment]
        levels, slopes = fit_units(standardise, self.observation(trials.neural_name or "", session), trials)
        self.levels[session].copy_(levels)
        self.slopes[session].copy_(slopes)
        self.front_end.fit(session, trials)

    @property
    def subject_free(self) -> bool:
        """As its front end."""
        return self.published is not None or self.front_end.subject_free

    def zero_shot(self, sessions: Sequence[Trials]) -> PNBA:
        """A copy that also knows subjects which took no part in training: nothing is trained, only their units' means and scales are taken from their activity.

        Raises:
            InvalidInput: a front end with weights of each subject.
        """
        if not self.subject_free:
            front = registry.name_of(type(self.config.front_end))
            fix = "Use `calibrate` or `adapt`, or train with model.front_end=unit_set."
            raise InvalidInput("model.front_end", front, "one that needs no training for a new subject", fix)
        return self._with(sessions, self.config)

    def calibrate(self, sessions: Sequence[Trials]) -> PNBA:
        """A copy that also knows subjects by a few trials with behaviour (or stimulus): a ridge regression of the frozen encoder's latents of it on activity.

        Args:
            sessions: the calibration trials of each new subject, and nothing else of it.

        Raises:
            InvalidInput: no second modality in these trials; a published mode.
        """
        if self.published is not None or not self.beside:
            raise InvalidInput("model.mode", self.config.mode, "default, with a second modality, to calibrate")
        names = (*self.config.calibrated, *(t.session for t in sessions))
        model = self._with(sessions, dataclasses.replace(self.config, calibrated=names))
        for index, trials in enumerate(sessions, len(self.spec.sessions)):
            batch = Batch.of(trials, session=index)
            latents = model._of_beside(batch.observed, batch.privileged)
            seen = [sight.present for sight, _ in latents.values()]
            rows = torch.stack(seen).any(0) if seen else torch.zeros(1, dtype=torch.bool)
            if not rows.any():
                raise InvalidInput(
                    f"calibration trials of {trials.session!r}", "none with behaviour or stimulus", "some"
                )
            posteriors = [Gaussian(p.mean[rows], p.log_variance[rows]) for _, p in latents.values()]
            target = product(posteriors, [present[rows] for present in seen])
            observed = batch.observed
            activity = model._standard(observed)[rows]
            model.calibration[str(index)].fit(activity, target.mean, observed.mask[rows])  # type: ignore[operator]
        return model

    def grown(self, spec: DataSpec) -> PNBA:
        """A copy with room for more subjects, for a front end whose maps of them are then trained.

        Raises:
            InvalidInput: a front end without weights of a subject: there is nothing to train.
        """
        model = self._sized(spec, self.config)
        new = range(len(self.spec.sessions), len(spec.sessions))
        own = [] if model.published is not None else [p for i in new for p in model.front_end.own(i)]
        if not own:
            fix = "Use `zero_shot` or `calibrate`."
            raise InvalidInput("model.front_end", "nothing to train for a new subject", "unit_read_in", fix)
        model.requires_grad_(False)
        for parameter in own:
            parameter.requires_grad_(True)
        return model.eval()

    def join(self, session: int, trials: Trials) -> None:
        """Meets the subject."""
        self.meet(session, trials)

    def _sized(self, spec: DataSpec, config: PNBAConfig) -> PNBA:
        """A copy with this model's weights for the subjects that both know."""
        model = PNBA(config, spec)
        model.load_state_dict(self.state_dict(), strict=False)
        return model

    def _with(self, sessions: Sequence[Trials], config: PNBAConfig) -> PNBA:
        """A copy with more subjects, met."""
        model = self._sized(DataSpec((*self.spec.sessions, *DataSpec.of(sessions).sessions)), config)
        if model.published is None:
            for index, trials in enumerate(sessions, len(self.spec.sessions)):
                model.meet(index, trials)
        return model.eval()

    # -- the forward pass -------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Latents of the activity, what they decode to, and of every second modality that is there the same.

        `hidden` holds, by the name of a modality m (`neural`, `behaviour`, a stimulus): `m`, its standardised values, and `m_known`; `m_mean` and `m_log_variance`, its
        posterior; `m_from_joint`, and `neural_from_m`, what it is decoded to.
        """
        if self.published is not None:
            return self._as_published(observed, privileged)
        neural = self._of_activity(observed)
        found = self._of_beside(observed, privileged)
        hidden = {"neural_mean": neural.mean, "neural_log_variance": neural.log_variance}
        z = self._drawn(neural)
        sources = {}
        if found:
            joint = product([neural, *(p for _, p in found.values())], [None, *(s.present for s, _ in found.values())])
            sources[JOINT] = self._drawn(joint)
            hidden |= {"joint_mean": joint.mean, "joint_log_variance": joint.log_variance}
        for name, (sight, posterior) in found.items():
            sources[name] = self._drawn(posterior)
            hidden |= {f"{name}_mean": posterior.mean, f"{name}_log_variance": posterior.log_variance}
            hidden |= {name: sight.values, f"{name}_known": sight.known}
        if not self.training or not found:
            sources[NEURAL] = z
        for source, rates in zip(sources, self._units_from(list(sources.values()), observed)):
            hidden[f"neural_from_{source}"] = rates
        predictions = {}
        if NEURAL in sources:
            predictions[self._population(observed)] = hidden.pop("neural_from_neural")
        mask = _mask(observed)
        for name in self.beside:
            modality: Modality = self.modalities[name]  # type: ignore[assignment]
            decoded = (
                modality.decode(torch.cat([z, sources[JOINT]]), mask if mask is None else mask.repeat(2, 1))
                if name in found
                else modality.decode(z, mask)
            )
            if name in found:
                decoded, hidden[f"{name}_from_joint"] = decoded.chunk(2)
            hidden[f"{name}_from_neural"] = decoded
            predictions |= self._signals(name, decoded)
        divergence = kl_standard(neural).sum(2) * observed.mask
        return Output(predictions, latents=z, kl={NEURAL: divergence.sum(1)}, hidden=hidden)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        if self.published is not None:
            units = self.spec.sessions[observed.session].units
            rates = self.published.decode_neural(by_slot(latents, self.config.published.slots), units)
            return {self._population(observed): log_rates(rates)}
        return {self._population(observed): self._units_from([latents], observed)[0]}

    def reported(self, output: Output, observed: Observed) -> dict[str, Tensor]:
        """Besides the usual: posterior variances of the latents, and latents of what is beside the activity."""
        found = super().reported(output, observed)
        found["latents_variance"] = output.hidden["neural_log_variance"].exp()
        for name in self.beside:
            if f"{name}_mean" in output.hidden:
                absent = ~output.hidden[f"{name}_known"].flatten(1).any(1)
                found[f"{name}_latents"] = output.hidden[f"{name}_mean"].masked_fill(absent[:, None, None], torch.nan)
        return found

    def _drawn(self, posterior: Gaussian) -> Tensor:
        if not self.samples_posterior:
            return posterior.mean
        noise = self.standard_normal(*posterior.mean.shape, trials=0, like=posterior.mean)
        return torch.addcmul(posterior.mean, torch.exp(0.5 * posterior.log_variance), noise)

    def _population(self, observed: Observed) -> str:
        return observed.neural_name or ""

    def _standard(self, observed: Observed) -> Tensor:
        """Standardised activity, zero where it is not known."""
        activity: Tensor = self.standardise[observed.session](observed.neural, observed.mask)
        return activity if observed.hidden is None else activity.masked_fill(observed.hidden, 0.0)

    def _of_activity(self, observed: Observed) -> Gaussian:
        activity, place = self._standard(observed), str(observed.session)
        if place in self.calibration:
            return self.calibration[place](activity)  # type: ignore[no-any-return]
        known = None if observed.hidden is None else ~observed.hidden
        features = self.front_end.encode(activity, known, observed.session)
        return gaussian(self.encoder(features, _mask(observed)))

    def _units_from(self, latents: Sequence[Tensor], observed: Observed) -> tuple[Tensor, ...]:
        """Parameters of the population `(trial, time, unit, parameter)` from each of some latents."""
        mask = _mask(observed)
        several = mask if mask is None else mask.repeat(len(latents), 1)
        features = self.decoder(torch.cat(list(latents)), several)
        if several is not None:  # a front end may look at neighbouring bins
            features = features.masked_fill(~several.unsqueeze(2), 0.0)
        place = observed.session
        found = self.levels[place] + self.slopes[place] * self.front_end.decode(features, place)
        return torch.chunk(found, len(latents))

    def _of_beside(
        self, observed: Observed, privileged: Mapping[str, Tensor] | None
    ) -> dict[str, tuple[Sight, Gaussian]]:
        """What is there of every second modality, and its posterior."""
        found = {}
        for name in self.beside:
            sight = self._sight(name, observed, privileged)
            if sight is not None:
                modality: Modality = self.modalities[name]  # type: ignore[assignment]
                found[name] = (sight, modality.encode(sight.values, sight.known, _mask(observed)))
        return found

    def _sight(self, name: str, observed: Observed, privileged: Mapping[str, Tensor] | None) -> Sight | None:
        """A second modality of a batch; None where it was not given."""
        if name == BEHAVIOUR:
            if privileged is None:
                return None
            assert self.behaviour_encoder is not None
            raw = self.behaviour_encoder.samples(privileged, observed)
            known = raw.isfinite() & observed.mask[..., None]
            values = (raw - self.behaviour_encoder.shift) * self.behaviour_encoder.scale
        elif name not in observed.signals:
            return None
        else:
            values = observed.signals[name]
            known = values.isfinite() & observed.mask.reshape(*observed.mask.shape, *[1] * (values.ndim - 2))
        present = known.flatten(1).any(1)
        return Sight(values.masked_fill(~known, 0.0), known, present)

    def _signals(self, name: str, standard: Tensor) -> dict[str, Tensor]:
        """Decoded values of a modality in physical units, by signal, with the axis of parameters."""
        if name != BEHAVIOUR:
            return {name: standard.unsqueeze(-1)}
        encoder = self.behaviour_encoder
        assert encoder is not None
        values = standard / encoder.scale + encoder.shift
        parts = torch.split(values, list(encoder.channels.values()), 2)
        return {signal: part.unsqueeze(-1) for signal, part in zip(encoder.channels, parts)}

    # -- the published network --------------------------------------------------------------------------------------

    def _as_published(self, observed: Observed, privileged: Mapping[str, Tensor] | None) -> Output:
        network, (name,) = self.published, self.beside
        assert network is not None
        units, sight = self.spec.sessions[observed.session].units, self._sight(name, observed, privileged)
        latents, hidden = published_pass(network, name, observed.neural, sight, units, self._drawn, self.training)
        predictions = self._signals(name, hidden[f"{name}_from_neural"])
        if "neural_from_neural" in hidden:
            predictions[self._population(observed)] = hidden.pop("neural_from_neural")
        return Output(predictions, latents=latents, hidden=hidden)


def _mask(observed: Observed) -> Tensor | None:
    """Bins with data; None where all have."""
    return None if bool(observed.mask.all()) else observed.mask
