"""Shuffled behaviour: every trial has the behaviour of another, as a control."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class BehaviourShuffleConfig:
    """Which trials are paired."""

    seed: int = 0
    """Of the pairs; the run's seed has no part in it, so that a teacher and its student have the same ones."""

    def __post_init__(self) -> None:
        check_choices(self, "behaviour_shuffle")
        check_range("behaviour_shuffle.seed", self.seed, 0)


class BehaviourShuffle(Transform):
    """Gives every training trial the behaviour of another training trial of its session, the same one throughout; no trial keeps its own.

    A control of privileged behaviour: a teacher trained with it knows how behaviour looks, but not what it was, and what its student gains is not behaviour's doing. Train the student with
    it, too. Where the other trial has no data, and where it is shorter, behaviour is missing. Sessions without behaviour stay as they are.
    """

    Config: ClassVar = BehaviourShuffleConfig
    stage: ClassVar[Stage] = Stage.ACTIVITY

    def __init__(self, config: BehaviourShuffleConfig | None = None) -> None:
        self.config = config or BehaviourShuffleConfig()
        self._sessions: list[Trials] = []
        self._other: list[np.ndarray] = []

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Pairs the trials of every session.

        Raises:
            InvalidInput: a session with behaviour and a single trial.
        """
        self._sessions, self._other = list(sessions), []
        for trials in sessions:
            n = len(trials)
            if n < 2 and trials.of_role("behaviour"):
                raise InvalidInput("behaviour_shuffle", f"{n} trial in session {trials.session!r}", "two or more")
            ring = np.random.default_rng([self.config.seed, *trials.session.encode()]).permutation(n)
            other = np.empty(n, int)
            other[ring] = np.roll(ring, 1)
            self._other.append(other)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not batch.privileged:
            return batch
        session = batch.observed.session
        if session >= len(self._sessions):
            raise InvalidInput("behaviour_shuffle", "trials it was not prepared for", "the training trials")
        trials, rows = self._sessions[session], self._other[session][batch.trial.cpu().numpy()]
        missing = torch.from_numpy(~trials.mask[rows])
        found: dict[str, Tensor] = {}
        for name, mine in batch.privileged.items():
            values = torch.from_numpy(np.array(trials.signals[name].rows(rows), np.float32))
            if values.ndim > 2 and values.shape[1] in (trials.bins, trials.observed_bins):
                values[missing[:, : values.shape[1]]] = torch.nan
            found[name] = values.to(mine)
        return dataclasses.replace(batch, privileged=found)
