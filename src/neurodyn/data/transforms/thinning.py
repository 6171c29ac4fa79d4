"""Thinning: the encoder sees each spike with some probability only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from neurodyn.config import check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms._spikes import counts_at, require_spikes, spikes_in
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class ThinningConfig:
    """How many spikes are kept."""

    keep: float = 0.8
    """Probability that the encoder sees a spike; 1 turns it off."""

    def __post_init__(self) -> None:
        check_range("thinning.keep", self.keep, 0, 1, open_low=True)


class Thinning(Transform):
    """Keeps Binomial(count, keep) spikes of every entry that the encoder sees, divided by `keep`; the target stays whole, so the rates stay those of the data.

    Thinned Poisson counts are Poisson counts: the encoder meets the same rates at lower signal.
    """

    Config: ClassVar = ThinningConfig
    stage: ClassVar[Stage] = Stage.SEEN
    spikes_only: ClassVar[bool] = True

    def __init__(self, config: ThinningConfig | None = None) -> None:
        self.config = config or ThinningConfig()

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Raises `InvalidInput` for a population that is not spikes."""
        require_spikes(sessions, "thinning")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        name, keep = batch.observed.neural_name, self.config.keep
        if keep == 1 or name is None:
            return batch
        counts = batch.observed.neural
        place = spikes_in(counts)
        drawn = torch.rand(place.shape, generator=generator, device=generator.device).to(place.device)
        return batch.with_seen(counts_at(place[drawn < keep], counts) / keep)
