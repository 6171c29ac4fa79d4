"""Mean negative log likelihood of every predicted signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from neurodyn.data.batch import Batch
from neurodyn.models.base import Output
from neurodyn.objectives.base import Losses, Objective, Step


@dataclass(frozen=True)
class PoissonConfig:
    """No options."""


class Poisson(Objective):
    """Negative log likelihood per entry that counts, in nats; Poisson for spikes (other signals by their own observation)."""

    Config: ClassVar = PoissonConfig

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        terms = {}
        for name, parameters in output.predictions.items():
            loss = self.model.observation(name).negative_log_likelihood(parameters, batch.targets[name])
            weight = batch.weight(name).expand_as(loss)
            terms[f"{name}_nll"] = (loss * weight).sum() / weight.sum().clamp_min(1)
        total = torch.stack([*terms.values(), *output.penalty.values()]).sum()
        return Losses(total, {k: v.detach() for k, v in (terms | dict(output.penalty)).items()})
