"""Masking: hide whole bins (or entries) from the encoder, and learn from what was hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class MaskingConfig:
    """What is masked, and what stands in its place."""

    ratio: float = 0.25
    """Expected share that is masked where no spans are drawn; 0 turns it off."""
    over: Literal["bin", "entry", "unit", "shared_bin"] = "bin"
    """What is masked together: all units of a trial's `bin`, single entries, all bins of a trial's `unit`, or the same bins in all trials of the batch."""
    zero: float = 1.0
    """Probability that a masked entry is hidden (set to 0)."""
    random: float = 0.5
    """Probability that a masked entry that is not hidden is replaced by a random count below the largest left in the batch; else it stays as it is."""
    longest_span: int = 1
    """Masked stretches are 1 to so many bins long; 1 draws no spans."""
    span_start: int = 0
    """Epoch from which spans are drawn, with a probability that rises from 0 ..."""
    span_end: int = 0
    """... to 1 at this epoch."""

    def __post_init__(self) -> None:
        check_choices(self, "masking")
        check_range("masking.ratio", self.ratio, 0, 0.99)
        check_range("masking.zero", self.zero, 0, 1)
        check_range("masking.random", self.random, 0, 1)
        check_range("masking.longest_span", self.longest_span, 1)
        check_range("masking.span_start", self.span_start, 0)
        check_range("masking.span_end", self.span_end, self.span_start)
        if self.longest_span > 1 and self.over == "unit":
            raise InvalidInput("masking.longest_span", self.longest_span, "1 where whole units are masked")


class Masking(Transform):
    """Masks a share r of what the encoder sees and weighs the loss so that only this share, held-out units and forward bins are learned from.

    With probability q a span width w is drawn from 1 ... `longest_span`; seeds are drawn with probability r / w and grown to w bins around themselves, so
    that a share 1 − (1 − r / w)^w is masked. q rises linearly between two epochs. Source: Ye & Pandarinath 2021, arXiv:2108.01210.
    """

    Config: ClassVar = MaskingConfig
    stage: ClassVar[Stage] = Stage.HIDDEN

    def __init__(self, config: MaskingConfig | None = None) -> None:
        self.config = config or MaskingConfig()
        self._spans = self._share(0)

    def begin(self, epoch: int, expected: Callable[[Batch], Tensor]) -> None:
        self._spans = self._share(epoch)

    def _share(self, epoch: int) -> float:
        """Probability that spans are drawn in an epoch."""
        c = self.config
        if c.longest_span == 1:
            return 0.0
        if c.span_end == c.span_start:
            return float(epoch >= c.span_start)
        return min(max((epoch - c.span_start) / (c.span_end - c.span_start), 0.0), 1.0)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        c, name = self.config, batch.observed.neural_name
        if c.ratio == 0 or name is None:
            return batch
        values, target = batch.observed.neural, batch.targets[name]
        masked = self._masked(values, generator)
        hidden = masked
        seen = values
        if c.zero < 1:
            hidden = masked & (_uniform(values.shape, values, generator) < c.zero)
            seen = values.masked_fill(hidden, 0)
            replaced = masked & ~hidden & (_uniform(values.shape, values, generator) < c.random)
            most = seen.max().clamp_min(1)  # a batch may be silent
            seen = torch.where(replaced, (_uniform(values.shape, values, generator) * most).floor(), seen)
        else:
            seen = values.masked_fill(hidden, 0)
        weight = torch.ones_like(target)
        weight[:, : values.shape[1], : values.shape[2]] = masked.to(target.dtype)
        return batch.with_seen(seen, weight, hidden=hidden.expand_as(values))

    def _masked(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """What is masked: bool, broadcastable to the values `(trial, time, unit)`."""
        trials, bins, units = values.shape
        shape = {
            "bin": (trials, bins, 1),
            "entry": (trials, bins, units),
            "unit": (trials, 1, units),
            "shared_bin": (1, bins, 1),
        }[self.config.over]
        width = 1
        if self._spans > 0:
            drawn = torch.rand(2, generator=generator, device=generator.device).tolist()
            width = 1 + int(drawn[1] * self.config.longest_span) if drawn[0] < self._spans else 1
        seeds = _uniform(shape, values, generator) < self.config.ratio / width
        if width == 1:
            return seeds
        flat = seeds.transpose(1, 2).reshape(-1, 1, bins).to(values.dtype)
        before = width // 2
        grown = F.max_pool1d(F.pad(flat, (before, width - 1 - before)), width, 1) > 0
        return grown.reshape(shape[0], shape[2], bins).transpose(1, 2)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device).to(like.device)
