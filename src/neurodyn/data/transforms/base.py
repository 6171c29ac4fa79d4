"""What every transform is: a change to a training batch, and to the weight of what it hid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials


class Transform(ABC):
    """Acts on training batches only; validation and inference see the data as they are.

    All randomness comes from the generator it is handed, which is keyed by (seed, epoch, step).
    """

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Sees the training trials of every session once, before the first epoch."""
        return None

    @abstractmethod
    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The changed batch; the one given is left as it is."""
