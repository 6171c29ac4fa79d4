"""Masking of continuous activity: entries are hidden or replaced by noise, and only they are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class ActivityMaskingConfig:
    """What is masked, and what stands in its place."""

    ratio: float = 0.25
    """Probability that an entry (neuron, bin) is masked; 0 masks only what `always` names."""
    zero: float = 0.8
    """Probability that a masked entry is hidden."""
    random: float = 0.5
    """Probability that a masked entry that is not hidden is replaced by noise of its neuron's mean and s.d.; else it stays as it is."""
    always: Literal["last_bin", "last_unit", "nothing"] = "last_bin"
    """What is masked besides: the last observed bin of each trial; `last_unit`, what the release of NeuPRINT masks in its place; or nothing."""

    def __post_init__(self) -> None:
        check_choices(self, "activity_masking")
        for name in ("ratio", "zero", "random"):
            check_range(f"activity_masking.{name}", getattr(self, name), 0, 1)


class ActivityMasking(Transform):
    """Masks single entries of the observed activity and weighs the loss so that only they, held-out units and forward bins are learned from.

    Noise is normal with the mean and s.d. of the neuron over the training trials (for counts rounded, at least 0), which for z-scored activity is N(0, 1).
    Source: the masking of NeuPRINT (Mi et al. 2023), after Devlin et al. 2019, arXiv:1810.04805.
    """

    Config: ClassVar = ActivityMaskingConfig

    def __init__(self, config: ActivityMaskingConfig | None = None) -> None:
        self.config = config or ActivityMaskingConfig()
        self._scales: list[tuple[Tensor, Tensor, bool] | None] = []

    def prepare(self, sessions: Sequence[Trials]) -> None:
        self._scales = [None if t.neural_name is None else _scale(t) for t in sessions]

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        c, name = self.config, batch.observed.neural_name
        if name is None:
            return batch
        seen = batch.observed.neural

        def chosen(probability: float) -> Tensor:
            return (torch.rand(seen.shape, generator=generator, device=generator.device) < probability).to(seen.device)

        masked = chosen(c.ratio) | _always(c.always, batch.observed.mask, seen)
        hidden = masked & chosen(c.zero)
        replaced = masked & ~hidden & chosen(c.random)
        noise = torch.randn(seen.shape, generator=generator, device=generator.device).to(seen)
        scale = self._scales[batch.observed.session] if self._scales else None
        if scale is not None:
            mean, deviation, counts = scale
            noise = noise * deviation.to(seen) + mean.to(seen)
            noise = noise.round().clamp_min(0) if counts else noise
        if batch.observed.hidden is not None:
            replaced &= ~batch.observed.hidden
        weight = torch.ones_like(batch.targets[name])
        weight[:, : seen.shape[1], : seen.shape[2]] = masked.to(weight.dtype)
        changed = torch.where(replaced & batch.observed.mask[..., None], noise, seen).masked_fill(hidden, 0)
        return batch.with_seen(changed, weight, hidden=hidden)


def _scale(trials: Trials) -> tuple[Tensor, Tensor, bool]:
    """Mean and s.d. of every held-in unit over its known observed entries, and whether they are counts."""
    bins = trials.observed_bins
    values = torch.as_tensor(trials.neural.values[:, :bins], dtype=torch.float64)[..., torch.as_tensor(trials.heldin)]
    known = torch.as_tensor(trials.known[:, :bins]).expand(*values.shape[:2], -1)
    known = known[..., torch.as_tensor(trials.heldin)] if known.shape[2] == trials.units > 1 else known
    number = known.sum((0, 1)).clamp_min(1)
    mean = values.masked_fill(~known, 0).sum((0, 1)) / number
    square = (values - mean).square().masked_fill(~known, 0).sum((0, 1)) / number
    return mean, square.sqrt(), trials.neural.kind == "spikes"


def _always(what: str, mask: Tensor, seen: Tensor) -> Tensor:
    """Entries that are masked in any case, bool `(trial, time, unit)`."""
    found = torch.zeros_like(seen, dtype=torch.bool)
    if what == "last_unit":
        found[..., -1] = True
    elif what == "last_bin":
        last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
        found[torch.arange(len(mask), device=mask.device), last] = True
    return found
