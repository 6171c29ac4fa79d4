"""What every model is: a module from what may be observed to an `Output`."""

from __future__ import annotations

import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.inference import Inference
from neurodyn.data.known_values import known_values
from neurodyn.data.spec import DataSpec, SessionSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.behaviour_encoder import BehaviourEncoder
from neurodyn.models.parts.posterior_samples import Averages, trial_streams

if TYPE_CHECKING:
    from neurodyn.observations.base import Observation


@dataclass(frozen=True, eq=False)
class Output:
    """What a forward pass says. Held-in units come first, as in the batch."""

    predictions: Mapping[str, Tensor] = field(default_factory=dict)
    """Parameters of the observation of each signal, `(trial, time, channel, parameter)`; for Poisson one: the log rate per bin."""
    latents: Tensor | None = None
    """Latent trajectories (factors) `(trial, time, latent)`."""
    inputs: Tensor | None = None
    """Inferred inputs `(trial, time, input)`."""
    kl: Mapping[str, Tensor] = field(default_factory=dict)
    """KL of each posterior from its prior, `(trial,)`: summed over time and dimensions."""
    penalty: Mapping[str, Tensor] = field(default_factory=dict)
    """Penalties on the weights, scalars (e.g. recurrent L2)."""
    hidden: Mapping[str, Tensor] = field(default_factory=dict)
    """Hidden layers by name, for distillation and for looking inside."""


class Model(nn.Module, ABC):
    """A model of population activity, built from a frozen `Config` and a `DataSpec`.

    `forward` sees only `Observed`: held-out units, forward bins and behaviour are other objects.
    In training mode posteriors are sampled; in evaluation mode their means are used, unless inside `sampling()`.
    """

    Config: ClassVar[type[Any]]
    default_rule: ClassVar[str] = "bptt"
    """The learning rule that trains it when none is named; `closed_form` for models that solve for their parameters."""
    default_objective: ClassVar[str] = "poisson"
    """The objective that trains it when none is named."""
    objective_defaults: ClassVar[Mapping[str, Any]] = {}
    """Fields of the objective's config this model changes."""
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    """Fields of `TrainConfig` this model changes."""
    adaptation_defaults: ClassVar[Mapping[str, Any]] = {}
    """Fields it changes besides where only the maps of sessions that join are trained."""
    has_dynamics: ClassVar[bool] = False
    """Whether `initial_state`, `step` and `decode` are offered."""
    any_length: ClassVar[bool] = False
    """Whether trials of any number of bins can be given, whatever those it was trained on had."""
    averages_log_rates: bool = False
    """Whether `infer` averages the logarithms of rates over posterior samples, as some releases do, instead of the rates: a geometric mean."""

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        self._sampling = False
        self._streams: list[torch.Generator] | None = None
        self.behaviour_encoder: BehaviourEncoder | None = None
        """Of a teacher: a model that is given behaviour where there is some. Models with a config field `behaviour` set it."""
        self.observations = nn.ModuleDict(
            {
                _place(session.neural, i): self._built(session)
                for i, session in enumerate(spec.sessions)
                if session.neural
            }
        )
        """The likelihood of the population of every session."""

    @abstractmethod
    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """Predictions, latents and inputs of a batch.

        Args:
            observed: held-in units over observed bins, stimuli, known inputs.
            privileged: behaviour, for models with `uses_privileged` alone; None where there is none.
        """

    def __call__(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """`forward`, for which behaviour is refused unless the model is a teacher.

        Raises:
            InvalidInput: behaviour for a model that takes none.
        """
        if privileged is not None and not self.uses_privileged:
            raise InvalidInput(
                "privileged",
                "behaviour",
                f"none: this {registry.name_of(type(self))} infers from activity alone",
                "Only a teacher (model.behaviour.fusion=add) is given behaviour.",
            )
        return super().__call__(observed, privileged)  # type: ignore[no-any-return]

    @property
    def uses_privileged(self) -> bool:
        """Whether forward takes behaviour."""
        return self.behaviour_encoder is not None

    # -- optional parts ---------------------------------------------------------------------------------------------

    def observation(self, signal: str, session: int = 0) -> Observation:
        """The likelihood of a predicted signal of one session.

        The population's is the model's own, with what is trained in it: the one that the config's field `observation` asks for (a name or a
        config). By default, and for other signals, Poisson for spikes and Gaussian for anything else.

        Args:
            signal: name of the signal.
            session: index of the session in `spec`.
        """
        place = _place(signal, session)
        if place in self.observations:
            return self.observations[place]  # type: ignore[return-value]
        kind = next((s.signals[signal].kind for s in self.spec.sessions if signal in s.signals), "series")
        return registry.load("observations", _usual(kind))()  # type: ignore[no-any-return]

    def _built(self, session: SessionSpec) -> Observation:
        """The likelihood of a session's population."""
        asked = getattr(self.config, "observation", None) or _usual(session.signals[session.neural or ""].kind)
        name, config = (asked, None) if isinstance(asked, str) else (registry.name_of(type(asked)), asked)
        return registry.load("observations", name)(session.units, config)  # type: ignore[no-any-return]

    def check(self, sessions: Sequence[Trials]) -> None:
        """Looks whether the population's likelihood can have the values of the trials (of some, where there are more than a hundred million values); training calls it once, before the first step.

        Raises:
            InvalidInput: it cannot, e.g. zeros for gamma.
        """
        for session, trials in enumerate(sessions):
            name = trials.neural_name
            if name is None:
                continue
            if trials.neural.kind == "spikes" and registry.name_of(type(self.observation(name, session))) == "poisson":
                continue  # counts were checked when they became trials
            for values in known_values(trials):
                self.observation(name, session).check(name, values)

    def transforms(self) -> list[Transform]:
        """Transforms of training batches that belong to the method (coordinated dropout)."""
        return []

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Sees the training trials once before training, to set biases and scales by them. Never called on loaded weights."""
        if self.behaviour_encoder is not None:
            self.behaviour_encoder.fit(sessions)

    def solve(self, train: Sequence[Trials], valid: Sequence[Trials]) -> None:
        """Solves for the parameters in closed form, choosing penalties on the validation trials (rule `closed_form`)."""
        what, fix = f"a gradient rule for {registry.name_of(type(self))}", f"Use --rule {self.default_rule}."
        raise InvalidInput("rule", "closed_form", what, fix)

    def grown(self, spec: DataSpec) -> Model:
        """A copy with maps for further sessions, those of `spec` after its own. Only what belongs to these alone is trainable.

        Raises:
            InvalidInput: the model does not share anything between sessions.
        """
        what = "a model that stitches sessions, such as lfads"
        raise InvalidInput("model", registry.name_of(type(self)), what, "Fit each session by itself.")

    def join(self, session: int, trials: Trials) -> None:
        """Starts the maps of a session that `grown` made room for, by its training trials; nothing else changes."""

    @property
    def meets_subjects(self) -> bool:
        """Whether it can be asked about sessions held out from training at all: zero-shot, or calibrated."""
        return type(self).calibrate is not Model.calibrate

    @property
    def subject_free(self) -> bool:
        """Whether subjects that took no part in training can be inferred: `zero_shot` is offered."""
        return False

    def zero_shot(self, sessions: Sequence[Trials]) -> Model:
        """A copy that also knows sessions which took no part in training, by their activity alone; nothing is trained.

        Raises:
            InvalidInput: the model has weights that belong to a session.
        """
        name = registry.name_of(type(self))
        fix = "Train it on the new session, or use a model such as pnba."
        raise InvalidInput("model", name, "a model without weights of a session's own", fix)

    def calibrate(self, sessions: Sequence[Trials]) -> Model:
        """A copy that also knows sessions by a few trials with behaviour, in closed form.

        Args:
            sessions: the few trials of each new session.

        Raises:
            InvalidInput: the model offers none.
        """
        fix = "Use `adapt`, or a model such as pnba."
        raise InvalidInput("model", registry.name_of(type(self)), "a model that can be calibrated", fix)

    def initial_state(self, trials: int) -> Tensor:
        """Initial states `(trial, state)` of the dynamics."""
        raise self._without_dynamics()

    def step(self, state: Tensor, inputs: Tensor) -> Tensor:
        """One time step: states `(trial, state)`, inputs `(trial, input)` to next states."""
        raise self._without_dynamics()

    def decode(self, state: Tensor, session: int = 0) -> Mapping[str, Tensor]:
        """Observation parameters `(trial, channel, parameter)` of states."""
        raise self._without_dynamics()

    def _without_dynamics(self) -> InvalidInput:
        fix = "It offers no initial_state, step and decode."
        return InvalidInput("model", registry.name_of(type(self)), "a model with dynamics", fix)

    @property
    def decodes_latents(self) -> bool:
        """Whether `rates_from` is offered."""
        return type(self).rates_from is not Model.rates_from

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        """Observation parameters with these latents in place of the output's own; whatever else they are made of stays as it is there.

        Every model whose `Output` has latents offers it: so it is seen how much of a score goes through them (metric `latent_use`).

        Args:
            latents: `(trial, time, latent)`.
            output: what the forward pass said of the same trials, in evaluation mode.
            observed: what it was given.

        Returns:
            Parameters `(trial, time, channel, parameter)` of the signals that are decoded from latents; with the output's own latents its predictions.
        """
        what = "a model that decodes its rates from latents"
        raise InvalidInput("latents", registry.name_of(type(self)), what, "It offers no rates_from.")

    # -- inference --------------------------------------------------------------------------------------------------

    def standard_normal(self, *shape: int, trials: int, like: Tensor) -> Tensor:
        """Standard normal numbers for a posterior. Within `infer` every trial has a generator of its own, so that what is drawn for it does not depend on the others.

        Args:
            shape: of the numbers.
            trials: the axis of trials.
            like: for device and type.
        """
        options: dict[str, Any] = {"device": like.device, "dtype": like.dtype}
        if self._streams is None:
            return torch.randn(shape, **options)
        rest = shape[:trials] + shape[trials + 1 :]
        return torch.stack([torch.randn(rest, generator=stream, **options) for stream in self._streams], trials)

    @property
    def samples_posterior(self) -> bool:
        """Whether a forward pass draws from the posterior now."""
        return self.training or self._sampling

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        """Within, evaluation-mode passes draw from the posterior too."""
        self._sampling = True
        try:
            yield
        finally:
            self._sampling = False

    @torch.no_grad()
    def infer(
        self,
        trials: Trials,
        *,
        samples: int = 0,
        batch_size: int = 256,
        seed: int = 0,
        session: int | None = None,
        privileged: bool = False,
        latents: np.ndarray | None = None,
    ) -> Inference:
        """Rates, latents and inputs of trials, in their recorded unit order.

        Args:
            trials: trials with the units this model was built for.
            samples: posterior samples to average (every output, rates included); 0 uses the posterior means once.
            batch_size: trials at a time, which bounds the memory.
            seed: of the posterior samples.
            session: index of the session in `spec`; by default found by its name (or 0 when there is one).
            privileged: give a teacher the trials' behaviour. Without, it infers as it would be deployed.
            latents: `(trial, time, latent)`, to decode rates from in place of those inferred; whatever else rates are made of stays the trial's own.

        Raises:
            InvalidInput: other units, held-in units or bins than the model was built for, an unknown session, behaviour for a model that takes none,
                or latents of another shape or for a model without `rates_from`.
        """
        if latents is not None and latents.shape[:2] != (len(trials), trials.bins):
            raise InvalidInput("latents", f"shape {latents.shape}", f"({len(trials)}, {trials.bins}, latent)")
        index = self.session_of(trials) if session is None else session
        device = next((t.device for t in (*self.parameters(), *self.buffers())), torch.device("cpu"))
        was_training = self.training
        self.eval()
        chunks: list[dict[str, np.ndarray]] = []
        try:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(seed)
                for start in range(0, len(trials), batch_size):
                    rows = np.arange(start, min(start + batch_size, len(trials)))
                    batch = Batch.of(trials, rows, index).to(device)
                    given = None if latents is None else torch.from_numpy(latents[rows])
                    told = batch.privileged if privileged else None
                    if samples:
                        self._streams = trial_streams(seed, rows.tolist(), device)
                    chunks.append(self._average(batch.observed, samples, told, given))
        finally:
            self._streams = None
            self.train(was_training)
        joined = {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
        order = np.argsort(trials.unit_order)
        for name in ("rates", "rates_sd"):
            if name in joined:
                joined[name] = joined[name][:, :, order]
        spread = {n: joined.pop(f"{n}_sd") for n in ("rates", "latents", "inputs") if f"{n}_sd" in joined}
        return Inference(
            trials.bin_s,
            joined.pop("rates", None),
            joined.pop("latents", None),
            joined.pop("inputs", None),
            spread,
            joined,
        )

    def session_of(self, trials: Trials) -> int:
        """Index of the trials' session in `spec`, by its name; 0 where there is one, whatever its name.

        Raises:
            InvalidInput: other units, held-in units or bins than the model was built for, or an unknown session.
        """
        names = [s.name for s in self.spec.sessions]
        index = names.index(trials.session) if trials.session in names else 0
        if len(names) > 1 and trials.session not in names:
            raise InvalidInput("session", trials.session, f"one of {', '.join(names)}")
        self.spec.sessions[index].check(trials)
        return index

    def _average(
        self, observed: Observed, samples: int, privileged: Mapping[str, Tensor] | None, latents: Tensor | None
    ) -> dict[str, np.ndarray]:
        averages = Averages(spread=samples > 0, log_rates=self.averages_log_rates)
        with self.sampling() if samples else contextlib.nullcontext():
            for _ in range(max(samples, 1)):
                output = self(observed, privileged)
                if latents is not None:
                    output = self._with_latents(output, latents, observed)
                averages.add(self.reported(output, observed))
        return averages.arrays()

    def _with_latents(self, output: Output, latents: Tensor, observed: Observed) -> Output:
        if output.latents is not None:
            latents = latents.to(output.latents)
            if latents.shape != output.latents.shape:
                expected = f"{output.latents.shape[2]}, as this model has"
                raise InvalidInput("latents", f"{latents.shape[2]} dimensions", expected)
        found = self.rates_from(latents, output, observed)
        return dataclasses.replace(output, predictions={**output.predictions, **found}, latents=latents)

    def reported(self, output: Output, observed: Observed) -> dict[str, Tensor]:
        """What `infer` averages and returns: mean rates, latents, inputs, predicted targets; a model may add to it."""
        found: dict[str, Tensor] = {}
        for name, parameters in output.predictions.items():
            mean = self.observation(name, observed.session).mean(parameters)
            found["rates" if name == observed.neural_name else f"predicted_{name}"] = mean
        if output.latents is not None:
            found["latents"] = output.latents
        if output.inputs is not None and output.inputs.shape[-1]:
            found["inputs"] = output.inputs
        return found


def _usual(kind: str) -> str:
    return "poisson" if kind == "spikes" else "gaussian"


def _place(signal: str, session: int) -> str:
    """Key of a session's signal in the model; a module's name holds no dots."""
    return f"{session}:{signal.replace('.', '_')}"
