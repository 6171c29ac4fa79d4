"""Distillation: a student learns from the data and from a teacher that was given more, behaviour first of all."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from neurodyn import registry
from neurodyn.config import Part, check_choices, check_range, from_dict, resolve_parts
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import SessionSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Losses, Objective, Step
from neurodyn.objectives.strategies.base import Account, Strategy
from neurodyn.objectives.strategies.hard import HardConfig
from neurodyn.observations.base import Observation
from neurodyn.observations.poisson import Poisson

_LEAST_RATE = 1e-9
"""Of a mean that is given as a log; as in the Poisson observation."""


@dataclass(frozen=True)
class DistillConfig:
    """Who teaches, what is compared, and how much it counts."""

    teacher: tuple[str, ...] = ()
    """Folders of the teachers' runs. Several teach the mean of their rates."""
    strategy: Annotated[Any, Part("strategies")] = field(default_factory=HardConfig)
    """How the student's rates are compared with the teacher's."""
    alpha: float = 0.5
    """α: share of the student's own loss; 1 − α is distilled. At 1 the teacher is not asked, and training is what it is without one."""
    alpha_end: float | None = None
    """α from epoch `alpha_epochs` on, which it moves to in a straight line; by default it stays."""
    alpha_epochs: int = 0
    """Epochs of the way from `alpha` to `alpha_end`."""
    region: Literal["all", "masked", "heldout", "forward", "unseen"] = "all"
    """Entries that are compared: `all` of the trials; held-in entries that the student's own loss is of (`masked`: those a transform hid, all where none did); held-out units in the observed bins (`heldout`); all units in the forward bins (`forward`); or these three together (`unseen`). Whether the counts themselves are known does not matter."""
    base: Annotated[Any, Part("objectives", optional=True)] = None
    """The student's own loss; by default its model's default objective, with what the model changes of it."""
    teacher_sees: Literal["masked", "whole"] = "masked"
    """Spikes that the teacher sees in training: those the student sees, `masked` by the transforms, or the `whole` of them."""
    cross_fitted: bool = False
    """Of K teachers, number k was trained without the training trials i for which i mod K = k, and teaches these alone; validation trials are taught by the mean."""
    mode: Literal["default", "release"] = "default"
    """`release`: as in the published code, where `soft` is divided by trials only, `feature` equals `hard`, and the teacher has the weights of its last epoch instead of its best."""

    def __post_init__(self) -> None:
        resolve_parts(self, "objective")
        check_choices(self, "objective")
        check_range("objective.alpha", self.alpha, 0, 1)
        check_range("objective.alpha_epochs", self.alpha_epochs, 0)
        if self.alpha_end is not None:
            check_range("objective.alpha_end", self.alpha_end, 0, 1)
        if self.base is not None and registry.name_of(type(self.base)) == "distill":
            raise InvalidInput("objective.base", "distill", "an objective without a teacher")
        if self.cross_fitted and len(self.teacher) == 1:
            raise InvalidInput(
                "objective.cross_fitted", "true, with one teacher", "two or more", "neurodyn.cross_fit trains them."
            )

    @property
    def teaches(self) -> bool:
        """Whether a teacher is ever asked."""
        return min(self.alpha, self.alpha if self.alpha_end is None else self.alpha_end) < 1

    def share(self, epoch: int) -> float:
        """α in an epoch, counted from 0."""
        if self.alpha_end is None:
            return self.alpha
        way = min(epoch / self.alpha_epochs, 1.0) if self.alpha_epochs else 1.0
        return self.alpha + (self.alpha_end - self.alpha) * way


class Distill(Objective):
    """α L_base + (1 − α) c L_strategy: the student's own loss, and the distance of its rates from those of a frozen teacher.

    Teachers run in evaluation mode and without gradients; they are neither trained nor kept with the student. One that takes behaviour is given that of
    the batch, one that takes none makes this self-distillation. c brings a distance per entry to the scale of the base objective (1, and `loss_scale` for `elbo`).
    Terms logged: those of the base objective and `distillation`, L_strategy. Source: Guo et al. 2025 (BLEND), arXiv:2410.13872.
    """

    Config: ClassVar = DistillConfig

    def __init__(self, config: DistillConfig, model: Model) -> None:
        super().__init__(config, model)
        base = self.alone(config, type(model))
        self.base: Objective = registry.load("objectives", registry.name_of(type(base)))(base, model)
        """The student's own loss."""
        strategy = registry.load("strategies", registry.name_of(type(config.strategy)))
        self.strategy: Strategy = strategy(config.strategy, release=config.mode == "release")
        self._teachers: list[Model] = []
        self._places: list[list[int]] = []
        if config.teaches:
            self._check_strategy()

    @classmethod
    def brought_by(cls, model: type[Model]) -> Mapping[str, Any]:
        """The base objective that a student has by itself."""
        return {"base": {"name": model.default_objective, **model.objective_defaults}}

    @classmethod
    def alone(cls, config: DistillConfig, model: type[Model]) -> Any:
        """Config of the loss that a student has without a teacher."""
        if config.base is not None:
            return config.base
        values = dict(cls.brought_by(model)["base"])
        return from_dict(registry.load("objectives", values.pop("name")).Config, values, "objective.base")

    def taught_by(self, teachers: Sequence[Model]) -> None:
        """Takes the teachers, freezes them, and makes what is trained beside the student.

        Raises:
            InvalidInput: no teacher; other units, held-in units, bins or sessions than the student's; hidden states that cannot be compared.
        """
        if not teachers:
            raise InvalidInput("objective.teacher", "none", "a teacher's run", "Train one, and give its folder.")
        name = registry.name_of(type(self.strategy))
        if self.strategy.uses_hidden and len(teachers) > 1:
            fix = "Give one, or choose a strategy that compares rates."
            raise InvalidInput(
                "objective.teacher", f"{len(teachers)} teachers for {name}", "one, whose states are compared", fix
            )
        self._places = [_places(self.model, teacher) for teacher in teachers]
        self._teachers = [teacher.requires_grad_(False).eval() for teacher in teachers]
        if self.strategy.uses_hidden and not self.strategy.release:
            session = self.model.spec.sessions[0]
            self.strategy.match(
                _hidden_of(self.model, session, 0), _hidden_of(self._teachers[0], session, self._places[0][0])
            )
        self.trained = self.strategy if any(True for _ in self.strategy.parameters()) else None

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        losses, alpha = self.base(output, batch, step), self.config.share(step.epoch)
        if alpha == 1:
            return losses
        if not self._teachers:
            fix = "Name its run (objective.teacher), or call taught_by(teachers)."
            raise InvalidInput("objective.teacher", "none", "a teacher where alpha is below 1", fix)
        name = batch.observed.neural_name or ""
        student = self._account(self.model, output, batch.observed)
        distance = self.strategy(student, self._taught(batch), self._region(batch, name))
        total = alpha * losses.total + (1 - alpha) * self.base.nat(batch) * distance
        return Losses(total, {**losses.terms, "distillation": distance.detach()})

    # -- the teachers -----------------------------------------------------------------------------------------------

    @torch.no_grad()
    def _taught(self, batch: Batch) -> Account:
        """What the teachers say of a batch."""
        if self.config.teacher_sees == "whole":
            batch = _unmasked(batch)
        if len(self._teachers) == 1:
            return self._asked(0, batch)
        if self.config.cross_fitted and self.model.training:
            fold = batch.trial % len(self._teachers)
            rows = [torch.nonzero(fold == k).squeeze(1) for k in range(len(self._teachers))]
            parts = [self._asked(k, batch.take(r)).log_rates for k, r in enumerate(rows) if len(r)]
            back = torch.argsort(torch.cat(rows))
            return Account(torch.cat(parts)[back])
        means = torch.stack([self._asked(k, batch).log_rates for k in range(len(self._teachers))])
        if not self._spikes:
            return Account(means.mean(0))
        return Account(means.logsumexp(0) - math.log(len(means)))

    def _asked(self, k: int, batch: Batch) -> Account:
        """What teacher k says of a batch."""
        teacher = self._teachers[k].to(batch.mask.device)
        observed = dataclasses.replace(batch.observed, session=self._places[k][batch.observed.session])
        output = teacher(observed, batch.privileged if teacher.uses_privileged else None)
        return self._account(teacher, output, observed)

    def _account(self, model: Model, output: Output, observed: Observed) -> Account:
        name = observed.neural_name or ""
        if name not in output.predictions:
            what = f"a {registry.name_of(type(model))} that predicts {', '.join(output.predictions) or 'nothing'}"
            raise InvalidInput("objective", f"distill with {what}", f"teacher and student that predict {name}")
        observation, parameters = model.observation(name, observed.session), output.predictions[name]
        found = _log_rates(observation, parameters) if self._spikes else observation.mean(parameters)
        return Account(found, output.hidden)

    @property
    def _spikes(self) -> bool:
        return all(s.neural is not None and s.signals[s.neural].kind == "spikes" for s in self.model.spec.sessions)

    # -- what is compared -------------------------------------------------------------------------------------------

    def _check_strategy(self) -> None:
        """Raises where the student's data do not have what is compared."""
        sessions, c = self.model.spec.sessions, self.config
        if any(s.neural is None for s in sessions):
            raise InvalidInput("objective", "distill on data without a population", "recorded activity")
        if self.strategy.spikes_only and not self._spikes:
            name = registry.name_of(type(self.strategy))
            fix = "Choose the strategy hard, which then compares the expected activity."
            raise InvalidInput("objective.strategy", f"{name} on activity that is not spikes", "spike counts", fix)
        if c.region == "heldout" and all(s.heldin == s.units for s in sessions):
            raise InvalidInput("objective.region", "heldout, without held-out units", "all, masked, forward or unseen")
        if c.region == "forward" and not any(s.forward for s in sessions):
            raise InvalidInput("objective.region", "forward, without forward bins", "all, masked, heldout or unseen")

    def _region(self, batch: Batch, name: str) -> Tensor:
        """1 for every entry `(trial, time, unit)` that is compared."""
        target = batch.targets[name]
        found = batch.mask[..., None].expand_as(target)
        if self.config.region == "all":
            return found.to(target.dtype)
        bins, heldin = batch.observed.neural.shape[1:]
        here = torch.zeros_like(found)
        if self.config.region in ("masked", "unseen"):
            own = batch.loss_weight[name] > 0 if name in batch.loss_weight else torch.ones_like(found)
            here[:, :bins, :heldin] = own.expand_as(found)[:, :bins, :heldin]
        if self.config.region in ("heldout", "unseen"):
            here[:, :bins, heldin:] = True
        if self.config.region in ("forward", "unseen"):
            here[:, bins:] = True
        return (found & here).to(target.dtype)


def _log_rates(observation: Observation, parameters: Tensor) -> Tensor:
    """Natural log of the expected counts per bin."""
    if type(observation) is Poisson:
        return parameters.squeeze(-1)
    mean: Tensor = observation.mean(parameters)
    return mean.clamp_min(_LEAST_RATE).log()


def _unmasked(batch: Batch) -> Batch:
    """The batch as no transform had hidden anything; counts that were not recorded stay unseen."""
    name = batch.observed.neural_name or ""
    bins, heldin = batch.observed.neural.shape[1:]
    hidden = ~batch.known[name][:, :bins, :heldin] if name in batch.known else None
    signals = {**batch.observed.signals, name: batch.targets[name][:, :bins, :heldin]}
    return dataclasses.replace(batch, observed=dataclasses.replace(batch.observed, signals=signals, hidden=hidden))


def _hidden_of(model: Model, session: SessionSpec, place: int) -> dict[str, Tensor]:
    """Hidden states `(1, bins, width)` of a blank trial, which tell names and widths."""
    device = next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    signals: dict[str, Tensor] = {}
    for name, signal in session.signals.items():
        if signal.role == "neural":
            signals[name] = torch.zeros(1, session.observed_bins, session.heldin, device=device)
        elif signal.role not in ("behaviour", "target"):
            signals[name] = torch.zeros(1, *([signal.bins] if signal.bins else []), *signal.shape, device=device)
    mask = torch.ones(1, session.observed_bins, dtype=torch.bool, device=device)
    was_training = model.training
    with torch.no_grad():
        hidden = model.eval()(Observed(signals, mask, session.bins, session.neural, place)).hidden
    model.train(was_training)
    return {name: h for name, h in hidden.items() if h.ndim == 3 and h.shape[1] == session.bins}


def _places(student: Model, teacher: Model) -> list[int]:
    """Index in the teacher's spec of each of the student's sessions, found by name; the only one where both have one.

    Raises:
        InvalidInput: a session that the teacher does not know, or knows with other units, held-in units or bins.
    """
    known = {session.name: place for place, session in enumerate(teacher.spec.sessions)}
    if len(known) == len(student.spec.sessions) == 1:
        known = {student.spec.sessions[0].name: 0}
    places = []
    for mine in student.spec.sessions:
        if mine.name not in known:
            fix = "Train the teacher on this session too."
            raise InvalidInput(
                "objective.teacher",
                f"one that does not know session {mine.name!r}",
                f"sessions {', '.join(known)}",
                fix,
            )
        theirs = teacher.spec.sessions[known[mine.name]]
        widths = [s.signals[s.neural].bin_s if s.neural else None for s in (mine, theirs)]
        for what, ours, other in (
            ("units", mine.units, theirs.units),
            ("held-in units", mine.heldin_units or mine.heldin, theirs.heldin_units or theirs.heldin),
            ("names of units", mine.unit_names, theirs.unit_names),
            ("bins", mine.bins, theirs.bins),
            ("forward bins", mine.forward, theirs.forward),
            ("seconds a bin", widths[0], widths[1]),
            ("population", mine.neural, theirs.neural),
        ):
            if ours != other and not (what == "names of units" and not (ours and other)):
                raise InvalidInput(
                    "objective.teacher",
                    f"{what} {_shown(other)} in session {mine.name!r}",
                    f"{_shown(ours)}, as the student has",
                    "Train teacher and student on the same trials, with the same units held out.",
                )
        places.append(known[mine.name])
    return places


def _shown(value: Any) -> str:
    """A number, or the first of many."""
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(map(str, value[:8])) + (", ..." if len(value) > 8 else "")
