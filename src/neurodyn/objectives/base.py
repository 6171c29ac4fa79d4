"""What every objective is: a function of an output and a batch, callable alone, so that users can keep their own loop."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.observations.base import Observation


@dataclass(frozen=True, eq=False)
class Whole:
    """The whole batch, where an objective is handed a part of it: a micro-batch, or the share of one process."""

    shared: Mapping[str, Tensor]
    """What `Objective.shared` said of every trial of it, without gradients; empty for objectives that compare no trials."""
    counts: Mapping[str, Tensor]
    """`Objective.counts`, summed over its trials; scalars."""
    start: int
    """Place of the part's first trial."""
    trials: int
    """Trials of the whole."""


@dataclass(frozen=True, eq=False)
class Step:
    """Where training is: ramps and schedules use nothing else."""

    epoch: int = 0
    """Counted from 0."""
    step: int = 0
    """Optimiser steps taken, counted from 0."""
    whole: Whole | None = None
    """What the batch at hand is a part of; None where it is whole. Losses are then shares: they, and their gradients, add up to those of the whole. Only objectives that `gives_shares` are told."""

    def share(self, batch: Batch) -> float:
        """Share that a batch has in the trials of the whole."""
        return 1.0 if self.whole is None else len(batch.mask) / self.whole.trials


@dataclass(frozen=True, eq=False)
class Losses:
    """What is minimised, and its named terms."""

    total: Tensor
    """Scalar; gradients are taken of this."""
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    """Scalars, detached, for the learning curves: every term as it enters the total, and what it is made of."""

    @staticmethod
    def mean(several: Sequence[Losses]) -> Losses:
        """The mean of the losses of several batches, detached; one is itself."""
        if len(several) == 1:
            return several[0]
        names = dict.fromkeys(name for losses in several for name in losses.terms)
        means = {n: torch.stack([x.terms[n] for x in several if n in x.terms]).mean() for n in names}
        return Losses(torch.stack([x.total.detach() for x in several]).mean(), means)


class Objective(ABC):
    """A loss over the common `Output`: any objective on any model. Honours `batch.mask` and `batch.loss_weight`."""

    Config: ClassVar[type[Any]]
    gives_shares: ClassVar[bool] = False
    """Whether it returns shares of the whole's losses where `step.whole` is given. Losses of other objectives are weighted by trials, which is the same where trials are of one length."""
    whole_batches: ClassVar[bool] = False
    """Whether it must see batches whole, because its means are over other numbers than trials: `train.parts` and `train.processes` are then refused."""
    compares_trials: ClassVar[bool] = False
    """Whether the loss of a trial depends on the others of its batch: `shared` is then asked ahead of every part of it. Needs `gives_shares`."""

    def __init__(self, config: Any, model: Model) -> None:
        self.config = config
        self.model = model
        """For its observations and whether it is in training; the loss of a batch never calls it."""
        self.trained: nn.Module | None = None
        """Parameters that are trained beside the model's, kept in checkpoints but not among its weights."""

    @classmethod
    def brought_by(cls, model: type[Model]) -> Mapping[str, Any]:
        """Fields of the config that a model changes where it is trained by this objective."""
        return model.objective_defaults if registry.name_of(cls) == model.default_objective else {}

    @abstractmethod
    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        """The losses of one batch."""

    def shared(self, output: Output, batch: Batch) -> Mapping[str, Tensor]:
        """What it must know of all trials of a batch to find the loss of a part of it, each `(trial, ...)`; empty where trials are not compared."""
        return {}

    def counts(self, batch: Batch) -> Mapping[str, Tensor]:
        """What means are taken over, of each trial `(trial,)`, for objectives that give shares."""
        return {}

    def nat(self, batch: Batch) -> Tensor | float:
        """What one nat per entry of a batch adds to the total: terms of another objective are brought to this scale."""
        return 1.0

    def observation(self, name: str, batch: Batch) -> Observation:
        """The likelihood of a signal in the batch's session."""
        return self.model.observation(name, batch.observed.session)


def target_of(batch: Batch, name: str) -> Tensor:
    """The values that a predicted signal is compared with, `(trial, time, channel)`.

    Raises:
        InvalidInput: the signal is no target.
    """
    if name not in batch.targets:
        fix = "Leave the objective out: the model has one of its own."
        raise InvalidInput(
            "objective", f"a comparison with {name!r}, which is no target", f"with {', '.join(batch.targets)}", fix
        )
    return batch.targets[name]


def recorded(batch: Batch, name: str) -> Tensor:
    """Weight of every entry of a target that was recorded, whatever transforms made of it; broadcastable to the target."""
    return dataclasses.replace(batch, loss_weight={}).weight(name)


@torch.no_grad()
def withheld_loss(observation: Observation, parameters: Tensor, batch: Batch, name: str) -> Tensor:
    """Mean negative log likelihood of the entries that a transform withheld from training: it rises when a model overfits."""
    entries = batch.withheld[name] * recorded(batch, name)
    loss: Tensor = observation.negative_log_likelihood(parameters, batch.targets[name])
    return (loss * entries).sum() / entries.sum().clamp_min(1)
