"""Coordinated dropout: hide part of the input, and learn only from the part that was hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform


@dataclass(frozen=True)
class CoordinatedDropoutConfig:
    """How much is hidden."""

    rate: float = 0.3
    """Probability that an entry of the encoder's input is hidden (set to zero, the others divided by 1 − rate). 0 turns it off."""
    pass_rate: float = 0.0
    """Probability that an entry that was not hidden trains the reconstruction all the same."""
    over: Literal["input", "target"] = "input"
    """Where entries are drawn: `input` leaves all held-out units and forward bins to be learned from; `target` draws among them too."""

    def __post_init__(self) -> None:
        check_choices(self, "coordinated_dropout")
        check_range("coordinated_dropout.rate", self.rate, 0, 0.99)
        check_range("coordinated_dropout.pass_rate", self.pass_rate, 0, 1)


class CoordinatedDropout(Transform):
    """Hides a share d of the observed activity and weighs the loss so that only hidden entries (and held-out units and forward bins) are learned from.

    With a keep mask M ~ Bernoulli(1 − d): input x ⊙ M / (1 − d), loss weight (1 − M) ∨ Bernoulli(pass_rate). A network can then not lower
    its loss by copying single spikes. Source: Keshtkaran & Pandarinath 2019; Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0.
    """

    Config: ClassVar = CoordinatedDropoutConfig

    def __init__(self, config: CoordinatedDropoutConfig | None = None) -> None:
        self.config = config or CoordinatedDropoutConfig()

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        rate, name = self.config.rate, batch.observed.neural_name
        if rate == 0 or name is None:
            return batch
        values, target = batch.observed.neural, batch.targets[name]
        seen, heldin = values.shape[1:]
        drawn_over = values if self.config.over == "input" else target
        kept = _draw(drawn_over, 1 - rate, generator)
        learned = ~kept
        if self.config.pass_rate > 0:
            learned |= _draw(drawn_over, self.config.pass_rate, generator)
        if self.config.over == "input":
            weight = torch.ones_like(target)
            weight[:, :seen, :heldin] = learned.to(target.dtype)
        else:
            weight, kept = learned.to(target.dtype), kept[:, :seen, :heldin]
        return batch.with_seen(values * kept.to(values.dtype).mul_(1 / (1 - rate)), weight)


def _draw(like: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """True with a probability (rounded to 2⁻¹⁶): 16-bit words cut at a threshold, much cheaper than `bernoulli_`."""
    count = like.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=generator.device)
    words.random_(-(2**63), None, generator=generator)
    threshold = round(probability * 65536) - 32768
    if threshold > 32767:  # probability 1
        return torch.ones_like(like, dtype=torch.bool)
    return (words.view(torch.int16)[:count] < threshold).view(like.shape).to(like.device)
