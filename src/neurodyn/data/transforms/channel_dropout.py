"""Channel dropout: whole units are hidden from the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from neurodyn.config import check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform


@dataclass(frozen=True)
class ChannelDropoutConfig:
    """How many units are hidden."""

    rate: float = 0.2
    """Probability that a unit is hidden for a whole trial (set to zero, the others divided by 1 − rate); 0 turns it off."""

    def __post_init__(self) -> None:
        check_range("channel_dropout.rate", self.rate, 0, 0.99)


class ChannelDropout(Transform):
    """Hides a share of the held-in units from the encoder, drawn anew for every trial; the loss stays that of all units.

    What it learns is to predict units from the others, and to do without a unit that falls silent.
    """

    Config: ClassVar = ChannelDropoutConfig

    def __init__(self, config: ChannelDropoutConfig | None = None) -> None:
        self.config = config or ChannelDropoutConfig()

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        rate = self.config.rate
        if rate == 0 or batch.observed.neural_name is None:
            return batch
        seen = batch.observed.neural
        drawn = torch.rand(len(seen), 1, seen.shape[2], generator=generator, device=generator.device)
        return batch.with_seen(seen * ((drawn >= rate).to(seen) / (1 - rate)))
