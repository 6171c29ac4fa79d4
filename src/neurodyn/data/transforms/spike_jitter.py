"""Spike jitter: every spike moves by a few bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms._spikes import counted, counts_at, extent, require_spikes, spikes_in
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class SpikeJitterConfig:
    """How far spikes move."""

    width: int = 2
    """Largest distance, in bins; 0 turns it off."""
    shared: bool = True
    """Whether the encoder and the target get the same moved spikes. False moves them independently, as published."""

    def __post_init__(self) -> None:
        check_choices(self, "spike_jitter")
        check_range("spike_jitter.width", self.width, 0)


class SpikeJitter(Transform):
    """Moves every spike by a whole number of bins drawn uniformly from −width to width, spike by spike.

    A spike that would leave its trial's data is reflected at their end; one that would land on an entry without data stays. Forward bins and
    observed bins keep their own spikes. So every unit's count in a trial stays what it was. Source: Sedler & Pandarinath 2023, lfads-torch,
    doi:10.48550/arXiv.2309.01230.
    """

    Config: ClassVar = SpikeJitterConfig
    stage: ClassVar[Stage] = Stage.ACTIVITY
    spikes_only: ClassVar[bool] = True

    def __init__(self, config: SpikeJitterConfig | None = None) -> None:
        self.config = config or SpikeJitterConfig()

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Raises `InvalidInput` for a population that is not spikes."""
        require_spikes(sessions, "spike_jitter")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        name = batch.observed.neural_name
        if self.config.width == 0 or name is None:
            return batch
        target, seen = batch.targets[name], batch.observed.mask.shape[1]
        data, (first, last) = counted(batch, name), extent(batch.mask, seen)
        moved = self._moved(target, data, first, last, generator)
        if self.config.shared:
            return batch.with_population(moved)
        heldin = batch.observed.neural.shape[2]
        shown = None if data is None else data[:, :seen, :heldin]
        own = self._moved(batch.observed.neural, shown, first[:, :seen], last[:, :seen], generator)
        return batch.with_population(moved, own)

    def _moved(
        self, counts: Tensor, data: Tensor | None, first: Tensor, last: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Counts `(trial, time, unit)` with every spike moved."""
        bins, units = counts.shape[1:]
        width = self.config.width
        place = spikes_in(counts)
        row = place // units
        time = row % bins
        low, high = first.reshape(-1)[row], last.reshape(-1)[row]
        steps = torch.randint(-width, width + 1, place.shape, generator=generator, device=generator.device)
        to = low + (time + steps.to(place.device) - low).abs()
        to = torch.where(to > high, 2 * high - to, to).maximum(low)
        target = place + (to - time) * units
        if data is not None:
            target = torch.where(data.reshape(-1)[target], target, place)
        return counts_at(target, counts)
