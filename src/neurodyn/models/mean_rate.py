"""The mean of every unit: what any model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.spike_counts import mean_counts


@dataclass(frozen=True)
class MeanRateConfig:
    """No options."""


class MeanRate(Model):
    """Every unit at its mean over the training trials and bins, whatever is observed."""

    Config: ClassVar = MeanRateConfig
    default_rule: ClassVar[str] = "closed_form"

    def __init__(self, config: MeanRateConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        for i, session in enumerate(spec.sessions):
            self.register_buffer(f"mean_{i}", torch.ones(session.units))

    def solve(self, train: Sequence[Trials], valid: Sequence[Trials]) -> None:
        """Takes the mean of every unit; `valid` is not looked at."""
        for i, trials in enumerate(train):
            self.get_buffer(f"mean_{i}").copy_(mean_counts(Batch.of(trials, session=i)))

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        assert observed.neural_name is not None
        mean = self.get_buffer(f"mean_{observed.session}")
        parameters = self.observation(observed.neural_name, observed.session).from_mean(mean)
        return Output({observed.neural_name: parameters.expand(observed.trials, observed.bins, *parameters.shape)})
