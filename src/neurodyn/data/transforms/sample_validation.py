"""Sample validation: some entries of the training trials are never trained on, to see overfitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class SampleValidationConfig:
    """How much is withheld."""

    rate: float = 0.1
    """Share of the entries an encoder may see that is withheld; 0 turns it off."""
    seed: int = 0
    """Of the entries; the run's seed has no part in it, so that runs are compared on the same ones."""

    def __post_init__(self) -> None:
        check_choices(self, "sample_validation")
        check_range("sample_validation.rate", self.rate, 0, 0.99)
        check_range("sample_validation.seed", self.seed, 0)


class SampleValidation(Transform):
    """Withholds the same entries (trial, bin, held-in unit) of the training trials in every epoch, and watches the loss on them.

    With a keep mask M ~ Bernoulli(1 − v) drawn once: encoder input x ⊙ M / (1 − v), loss weight M / (1 − v), and 1 for held-out units and
    forward bins. The mean loss of the withheld entries is the learning curve `train/<signal>_nll_withheld`: it turns up where a model begins
    to copy single spikes, without giving up a unit or a trial. Source: Keshtkaran & Pandarinath 2019.
    """

    Config: ClassVar = SampleValidationConfig

    def __init__(self, config: SampleValidationConfig | None = None) -> None:
        self.config = config or SampleValidationConfig()
        self._kept: list[Tensor] = []

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Draws the entries of every session."""
        generator = torch.Generator().manual_seed(self.config.seed)
        self._kept = []
        for trials in sessions:
            shape = (len(trials), trials.observed_bins, len(trials.heldin))
            self._kept.append(torch.rand(shape, generator=generator) >= self.config.rate)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        name, rate = batch.observed.neural_name, self.config.rate
        if rate == 0 or name is None:
            return batch
        seen, target = batch.observed.neural, batch.targets[name]
        if batch.observed.session >= len(self._kept):
            raise InvalidInput("sample_validation", "trials it was not prepared for", "the training trials")
        kept = self._kept[batch.observed.session][batch.trial.cpu()].to(seen.device)
        scaled = kept.to(seen.dtype).mul_(1 / (1 - rate))
        weight = torch.ones_like(target)
        weight[:, : seen.shape[1], : seen.shape[2]] = scaled
        withheld = torch.zeros_like(target, dtype=torch.bool)
        withheld[:, : seen.shape[1], : seen.shape[2]] = ~kept
        return batch.with_seen(seen * scaled, weight, withheld)
