"""What every transform is: a change to a training batch, and to the weight of what it hid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, ClassVar

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials


class Stage(IntEnum):
    """When a transform acts, in whatever order transforms are listed: what is hidden first could otherwise be brought back."""

    TRIALS = 0
    """Takes trials anew from the recording."""
    ACTIVITY = 1
    """Changes the activity itself, which the encoder sees and the loss compares with."""
    SEEN = 2
    """Changes the counts that the encoder sees."""
    HIDDEN = 3
    """Hides entries from the encoder."""
    REPLAYED = 4
    """Replaces the whole."""


class Transform(ABC):
    """Acts on training batches only; validation and inference see the data as they are.

    All randomness comes from the generator it is handed, which is keyed by (seed, epoch, step).
    """

    Config: ClassVar[type[Any]]
    stage: ClassVar[Stage] = Stage.HIDDEN
    spikes_only: ClassVar[bool] = False
    """Whether `prepare` refuses trials whose population is not spikes."""

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Sees the training trials of every session once, before the first epoch."""
        return None

    def begin(self, epoch: int, expected: Callable[[Batch], Tensor]) -> None:
        """Told before every step: the epoch, counted from 0, and a function from a batch to the rates `(trial, time, unit)` that the model expects of it now."""
        return None

    @abstractmethod
    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The changed batch; the one given is left as it is."""
