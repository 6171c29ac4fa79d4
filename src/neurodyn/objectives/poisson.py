"""Mean negative log likelihood of every predicted signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.models.base import Output
from neurodyn.objectives._poisson_sum import PoissonSum
from neurodyn.objectives.base import Losses, Objective, Step, withheld_loss
from neurodyn.observations.poisson import Poisson as Likelihood


@dataclass(frozen=True)
class PoissonConfig:
    """No options."""


class Poisson(Objective):
    """Negative log likelihood per entry that counts, in nats; Poisson for spikes (other signals by their own observation)."""

    Config: ClassVar = PoissonConfig

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        terms: dict[str, Tensor] = {}
        penalties = dict(output.penalty)
        watched: dict[str, Tensor] = {}
        for name, parameters in output.predictions.items():
            observation, target = self.observation(name, batch), batch.targets[name]
            weight = batch.weight(name).expand_as(target)
            if type(observation) is Likelihood:
                total = PoissonSum.apply(parameters.squeeze(-1), target, weight, weight, False, None)  # type: ignore[no-untyped-call]
            else:
                total = (observation.negative_log_likelihood(parameters, target) * weight).sum()
            terms[f"{name}_nll"] = total / weight.sum().clamp_min(1)
            if (penalty := observation.penalty()) is not None:
                penalties[f"{name}_penalty"] = penalty
            if name in batch.withheld:
                watched[f"{name}_nll_withheld"] = withheld_loss(observation, parameters, batch, name)
        total = torch.stack([*terms.values(), *penalties.values()]).sum()
        return Losses(total, {k: v.detach() for k, v in (terms | penalties | watched).items()})
