"""Temporal shift: every unit's activity moves by a few bins, as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms._spikes import counted, extent
from neurodyn.data.transforms.base import Stage, Transform


@dataclass(frozen=True)
class TemporalShiftConfig:
    """How far activity moves."""

    deviation: float = 3.0
    """Standard deviation of the shift, in bins; 0 turns it off."""
    largest: int = 6
    """Longest shift, in bins."""
    shared: bool = True
    """Whether the encoder and the target are shifted alike. False shifts them independently."""

    def __post_init__(self) -> None:
        check_choices(self, "temporal_shift")
        check_range("temporal_shift.deviation", self.deviation, 0)
        check_range("temporal_shift.largest", self.largest, 0)


class TemporalShift(Transform):
    """Shifts each unit of each trial in time by round(N(0, deviation²)) bins, clipped to ±largest; edge values are repeated.

    For continuous activity with sharp events common to many channels (muscle activity, fluorescence), so that they cannot be copied from one
    channel to another. Values move within their trial's data, never between observed and forward bins; entries without data stay without.
    Source: Wimalasena et al. 2022, doi:10.1088/1741-2552/ac6369.
    """

    Config: ClassVar = TemporalShiftConfig
    stage: ClassVar[Stage] = Stage.ACTIVITY

    def __init__(self, config: TemporalShiftConfig | None = None) -> None:
        self.config = config or TemporalShiftConfig()

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        name = batch.observed.neural_name
        if self.config.deviation == 0 or self.config.largest == 0 or name is None:
            return batch
        target, seen = batch.targets[name], batch.observed.mask.shape[1]
        data, (first, last) = counted(batch, name), extent(batch.mask, seen)
        shifted = self._shifted(target, data, first, last, generator)
        if self.config.shared:
            return batch.with_population(shifted)
        heldin = batch.observed.neural.shape[2]
        shown = None if data is None else data[:, :seen, :heldin]
        own = self._shifted(batch.observed.neural, shown, first[:, :seen], last[:, :seen], generator)
        return batch.with_population(shifted, own)

    def _shifted(
        self, values: Tensor, data: Tensor | None, first: Tensor, last: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Values `(trial, time, unit)`, each unit shifted by a draw of its own."""
        trials, bins, units = values.shape
        drawn = torch.randn(trials, 1, units, generator=generator, device=generator.device) * self.config.deviation
        shift = drawn.round().clamp_(-self.config.largest, self.config.largest).long().to(values.device)
        here = torch.arange(bins, device=values.device)[:, None]
        source = (here - shift).clamp_(first[..., None], last[..., None])
        if data is not None:  # what would come from, or go to, an entry without data
            usable = data & data.gather(1, source.clamp(0, bins - 1))
            source = torch.where(usable, source, here)
        return values.gather(1, source)
